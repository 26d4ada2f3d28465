"""What in a person's signals is worth a manager's look, and what is reason to pause: limits and sentences.

Each limit is held against the end of the interval that speaks for the person, and at least FEWEST
observations: a finding is what is surely beyond the limit, not what may be.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotation.models import Flag, Project
from rating.algorithms.attention import Haste, Share, Sides
from rating.selectors.attention import Signals

Signal, Level = Flag.Signal, Flag.Level

# Honest people who err in every fourth pair answer 62 % of pairs the same way twice, a coin 50 %. Where the
# pairs are so close that others do no better, it must be so much below theirs.
REPEAT_WARN = 0.6
REPEAT_UNLIKE = 0.1
# Of a fair coin's tosses; people who look have a pull to a side of a few per cent.
SIDE_WARN, SIDE_PAUSE = 0.7, 0.9
RUN_WARN = 1e-5
# Of one's answers, those that took less than a quarter of what the others take.
HASTE_WARN, HASTE_PAUSE = 0.5, 0.9
# How far a share of ties or skips may be from the others'.
UNLIKE = 0.25


@dataclass(frozen=True)
class Finding:
    """One signal beyond its limit, said in a sentence that stands for itself."""

    signal: Flag.Signal
    level: Flag.Level
    summary: str
    facts: dict[str, Any]


def findings(project: Project, signals: Signals) -> Iterator[Finding]:
    """At most one of each signal, the graver one."""
    if signals.gold is not None and signals.gold.enough:
        yield from _gold(project, signals.gold)
    if signals.repeat is not None and signals.repeat.enough:
        yield from _repeat(signals.repeat, signals.typical_repeat)
    if signals.haste is not None and signals.haste.fast is not None and signals.haste.fast.enough:
        yield from _haste(signals.haste, signals.haste.fast)
    if signals.sides is not None and signals.sides.share.enough:
        yield from _sides(signals.sides)
    yield from _unlike(Signal.TIES, signals.ties, signals.typical_ties)
    yield from _unlike(Signal.SKIPS, signals.skips, signals.typical_skips)


def _gold(project: Project, gold: Share) -> Iterator[Finding]:
    for level, limit in ((Level.PAUSE, project.pause_below), (Level.WARN, project.warn_below)):
        if gold.high < limit:
            summary = _(
                "%(count)s of %(of)s known answers are right: %(percent)s, surely below %(limit)s."
            ) % _told(gold, limit=percent(limit))
            yield Finding(Signal.GOLD, level, summary, asdict(gold) | {"limit": limit})
            return


def _repeat(repeat: Share, usual: float | None) -> Iterator[Finding]:
    limit = REPEAT_WARN if usual is None else min(REPEAT_WARN, usual - REPEAT_UNLIKE)
    if repeat.high < limit:
        summary = (
            _(
                "%(count)s of %(of)s repeated pairs were answered as before: %(percent)s, surely "
                "below %(limit)s; a coin has 50 %%."
            )
            if usual is None
            else _(
                "%(count)s of %(of)s repeated pairs were answered as before: %(percent)s, surely "
                "below %(limit)s; a coin has 50 %%, and others %(usual)s."
            )
        ) % _told(repeat, limit=percent(limit), usual=percent(usual or 0.0))
        facts = asdict(repeat) | {"limit": limit, "usual": usual}
        yield Finding(Signal.REPEAT, Level.WARN, summary, facts)


def _haste(haste: Haste, fast: Share) -> Iterator[Finding]:
    assert haste.limit is not None
    for level, limit in ((Level.PAUSE, HASTE_PAUSE), (Level.WARN, HASTE_WARN)):
        if fast.low > limit:
            summary = _(
                "%(count)s of %(of)s answers took less than %(limit)s s, a quarter of what others "
                "take: %(percent)s; half of all took less than %(median)s s."
            ) % _told(fast, limit=f"{haste.limit / 1000:.2f}", median=f"{haste.median / 1000:.2f}")
            facts = asdict(fast) | {"limit": limit, "fast_ms": haste.limit, "median": haste.median}
            yield Finding(Signal.SPEED, level, summary, facts)
            return


def _sides(sides: Sides) -> Iterator[Finding]:
    share = sides.share
    name = "left" if sides.side > 0 else "right"
    facts = asdict(share) | {
        "side": name,
        "chance": sides.chance,
        "run": sides.run,
        "run_chance": sides.run_chance,
    }
    for level, limit in ((Level.PAUSE, SIDE_PAUSE), (Level.WARN, SIDE_WARN)):
        if share.low > limit:
            summary = (
                _(
                    "The left image was chosen in %(count)s of %(of)s pairs: %(percent)s. "
                    "Sides are tossed, so a half is to be expected."
                )
                if sides.side > 0
                else _(
                    "The right image was chosen in %(count)s of %(of)s pairs: %(percent)s. "
                    "Sides are tossed, so a half is to be expected."
                )
            ) % _told(share)
            yield Finding(Signal.SIDE, level, summary, facts | {"limit": limit})
            return
    if sides.run_chance < RUN_WARN:
        summary = _(
            "The same side was chosen %(run)s times in a row, in %(of)s pairs. Sides are tossed: "
            "a fair coin does that less than once in %(times)s times."
        ) % _told(share, run=sides.run, times=f"{1 / RUN_WARN:,.0f}")
        yield Finding(Signal.SIDE, Level.WARN, summary, facts | {"limit": RUN_WARN})


def _unlike(signal: Flag.Signal, share: Share | None, usual: float | None) -> Iterator[Finding]:
    if share is None or usual is None or not share.enough:
        return
    if share.low > usual + UNLIKE or share.high < usual - UNLIKE:
        summary = (
            _("%(count)s of %(of)s judgements are ties: %(percent)s; others have %(usual)s.")
            if signal == Signal.TIES
            else _("%(count)s of %(of)s pairs are skips: %(percent)s; others have %(usual)s.")
        ) % _told(share, usual=percent(usual))
        yield Finding(signal, Level.WARN, summary, asdict(share) | {"usual": usual})


def _told(share: Share, **more: Any) -> dict[str, Any]:
    """What the sentences name."""
    return {"count": f"{share.count:g}", "of": share.of, "percent": in_percent(share), **more}


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def in_percent(share: Share) -> str:
    return f"{percent(share.share)} ({100 * share.low:.0f}–{percent(share.high)})"
