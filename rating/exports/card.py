"""The data card of an export: what it is, how it was made, and what was left out and why.

It is the README.md of a data set of the Hugging Face hub: its head says which file is which split.
"""

import json
from typing import Any

from rating.exports.format import SCHEMA_VERSION, Format, Source


def card(format: Format, file: str, source: Source, data_files: dict[str, str]) -> str:
    """It tells no time and no address, so that the same export has the same card."""
    parts = [
        _head(format, source, data_files),
        f"# {_line(source.project.name)}: {format.title}\n\n{format.help}",
        _made(format, file, source),
        _table("Rows", ["split", "rows"], sorted(source.counts.items())),
        _left_out(format, source),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(format: Format, source: Source, data_files: dict[str, str]) -> str:
    files = [{"split": split, "path": path} for split, path in data_files.items()]
    groups = [[one] for one in files] if format.own_config else [files]
    lines = ["---", f"pretty_name: {json.dumps(source.project.name)}", "tags:"]
    lines += ["- pairwright", "- human-feedback", "- preferences", "configs:"]
    for group in groups:
        name = group[0]["split"] if format.own_config else "default"
        lines += [f"- config_name: {name}", "  data_files:"]
        for one in group:
            lines += [f"  - split: {one['split']}", f"    path: {json.dumps(one['path'])}"]
    return "\n".join([*lines, "---"])


def _made(format: Format, file: str, source: Source) -> str:
    run = source.run
    facts: list[tuple[str, Any]] = [
        ("format", format.key),
        ("file", file),
        ("schema_version", SCHEMA_VERSION),
        ("run", run.id),
        ("method", run.method),
        ("fingerprint", run.fingerprint),
        ("revision of the log", run.revision),
        ("comparisons in the ratings", run.comparisons),
    ]
    facts += [(f"option `{name}`", _shown(value)) for name, value in source.options.items()]
    made = _table("How it was made", ["", ""], facts)
    if source.options.get("picture") == "original":
        made += "\n\nThe pictures are the original files: they may hold metadata, such as places and cameras."
    return made


def _left_out(format: Format, source: Source) -> str:
    if not format.prefers:
        return ""
    counts = [(reason, count) for reason, count in sorted(source.left_out.items()) if count]
    total = source.used + sum(count for _, count in counts)
    counts = [("in rows", source.used), *counts, ("in all", total)]
    if not source.from_lineups:
        return _table("Comparisons: in rows, and left out by reason", ["", "comparisons"], counts)
    told = _table("Judgements: in rows, and left out by reason", ["", "judgements"], counts)
    return f"{told}\n\n{_of_lineups(source)}"


def _of_lineups(source: Source) -> str:
    return (
        f"{source.from_lineups} of the judgements, in {source.rows_from_lineups} rows, come from screens "
        "with more than two images: a comparison of two images is one judgement; one of more images is as "
        "many as pairs follow from it (the best of four is better than each of the three others). **Those of "
        "one screen are not independent of one another**: they are one look of one person."
    )


def _table(title: str, columns: list[str], rows: Any) -> str:
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return f"## {title}\n\n" + "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={part}" for name, part in value.items()) or "none"
    return str(value)


def _line(text: str) -> str:
    """A name as one line of Markdown, with nothing in it that means something."""
    return " ".join("".join(f"\\{c}" if c in "\\`*_{}[]<>#|!" else c for c in text).split())
