import secrets
import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from annotation import limits
from annotation.names import name_key

# A digit key for each tag.
MOST_TAGS, LONGEST_TAG = limits.TAGS, limits.TAG


def new_pseudonym_key() -> str:
    return secrets.token_hex(32)


def validate_tags(tags: Any) -> None:
    """A list of short texts, each once; a form has them on one line, so none has a comma."""
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValidationError(_("Tags are a list of short texts."))
    if len(tags) > MOST_TAGS:
        raise ValidationError(
            _("A project has at most %(most)s tags; these are %(count)s.")
            % {"most": MOST_TAGS, "count": len(tags)}
        )
    for tag in tags:
        if not tag.strip() or tag != tag.strip() or len(tag) > LONGEST_TAG:
            raise ValidationError(
                _("A tag has 1 to %(longest)s characters, and no space around it.")
                % {"longest": LONGEST_TAG}
            )
        if "," in tag or any(ord(letter) < ord(" ") for letter in tag):
            raise ValidationError(_("A tag has no comma, and is on one line."))
    if len(set(map(name_key, tags))) != len(tags):
        raise ValidationError(_("Each tag is there only once."))


class Screen(models.TextChoices):
    """What an annotator is shown at a time, and asked for."""

    PAIR = "pair", _("Two images: which is better")
    BEST = "best", _("Several images: the best")
    BEST_WORST = "best_worst", _("Several images: the best and the worst")
    ORDER = "order", _("Several images: their order")


class Project(models.Model):
    """What is compared, by whom, and under which rules; `revision` says how far its log goes.

    Each change of the log, or of what is rated from it, raises `revision` in its own transaction, so
    that anything derived can tell whether it is behind, whatever messages were lost.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        OPEN = "open", _("Open")
        PAUSED = "paused", _("Paused")
        CLOSED = "closed", _("Closed")

    class Strategy(models.TextChoices):
        ADAPTIVE = "adaptive", _("Adaptive: the pairs that teach the ranking most")
        RANDOM = "random", _("Random: any legal pair, least seen images first")
        SMART_SHUFFLE = "smart_shuffle", _("Smart shuffle: least certain images first")
        SEQUENTIAL_ELIMINATION = (
            "sequential_elimination",
            _("Sequential elimination: a quick cull, not a ranking"),
        )

    class Goal(models.TextChoices):
        RANKING = "ranking", _("The whole ranking")
        TOP = "top", _("The top images of each prompt")
        TRAINING = "training", _("Clear preferences to train on, spread over the prompts")

    class Target(models.TextChoices):
        NONE = "", _("None")
        TAU = "tau", _("Kendall’s tau of the ranking")
        TOP = "top", _("Share of the top images that are right")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    instructions = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    allow_tie = models.BooleanField(default=True, help_text=_("Annotators may answer “tie”."))
    overlap = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text=_(
            "Comparisons wanted of each pair, each by another person; adaptive pairs may need fewer."
        ),
    )
    quota = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Most comparisons of one person; empty for no limit.")
    )
    lease_seconds = models.PositiveIntegerField(
        default=1800,
        validators=[MinValueValidator(1), MaxValueValidator(7 * 24 * 3600)],
        help_text=_("How long a pair stays reserved for the person it was shown to."),
    )
    strategy = models.CharField(max_length=30, choices=Strategy, default=Strategy.ADAPTIVE)
    random_share = models.FloatField(
        default=0.1,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_("Share of the pairs that is chosen at random whatever the strategy."),
    )
    goal = models.CharField(max_length=10, choices=Goal, default=Goal.RANKING)
    top = models.PositiveIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(100_000)],
        help_text=_("How many images of a prompt are its top."),
    )
    screen = models.CharField(max_length=10, choices=Screen, default=Screen.PAIR)
    screen_size = models.PositiveSmallIntegerField(
        default=4,
        validators=[MinValueValidator(3), MaxValueValidator(9)],
        help_text=_("Images on a screen that shows more than two."),
    )
    gold_share = models.FloatField(
        default=0.05,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.5)],
        help_text=_("Share of the pairs whose answer is known, where images have a gold quality."),
    )
    repeat_share = models.FloatField(
        default=0.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.5)],
        help_text=_("Share of the pairs that a person sees a second time, with sides swapped."),
    )
    warn_below = models.FloatField(
        default=0.7,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_(
            "Share of known answers below which a person is surely worth a look; 0 for never."
        ),
    )
    pause_below = models.FloatField(
        default=0.65,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_(
            "Share of known answers below which a person should surely be paused; 0 for never."
        ),
    )
    pause_automatically = models.BooleanField(
        default=True,
        help_text=_(
            "Pause people for whom there is a reason at once; otherwise a manager decides."
        ),
    )
    target = models.CharField(max_length=10, choices=Target, default=Target.NONE, blank=True)
    target_value = models.FloatField(
        default=0.9,
        validators=[MinValueValidator(0.05), MaxValueValidator(0.999)],
        help_text=_("The accuracy at which the ranking is good enough."),
    )
    close_at_target = models.BooleanField(
        default=False, help_text=_("The project closes itself when the target is reached.")
    )
    show_prompt = models.BooleanField(
        default=True, help_text=_("Annotators see what the images were made for.")
    )
    criteria_together = models.BooleanField(
        default=False,
        help_text=_("All questions are asked about a pair, one after another."),
    )
    ask_strength = models.BooleanField(
        default=False,
        help_text=_("Annotators say by how much the better one is better."),
    )
    ask_reason = models.BooleanField(
        default=False, help_text=_("Annotators may say why, in their own words.")
    )
    tags = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_tags],
        help_text=_("Up to nine words that annotators may tick beside an answer."),
    )
    undo_steps = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(1000)],
        help_text=_(
            "How many of their last answers people may undo: 0 for none, empty for any number."
        ),
    )
    pause_after = models.PositiveSmallIntegerField(
        default=45,
        validators=[MaxValueValidator(1440)],
        help_text=_("Minutes of work after which a pause is suggested to annotators; 0 for never."),
    )
    revision = models.PositiveBigIntegerField(default=0, editable=False)
    # How far the signals of its people have been looked at.
    reviewed_revision = models.PositiveBigIntegerField(default=0, editable=False)
    # Kept here, not derived from SECRET_KEY, so that pseudonyms outlive a change of that key.
    pseudonym_key = models.CharField(max_length=64, default=new_pseudonym_key, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # Whose quota it counts for, whoever manages it now; and the bytes of its pictures that were copied here.
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", editable=False
    )
    kept_bytes = models.BigIntegerField(default=0, db_default=0, editable=False)
    # A deleted project is seen by nobody, but its log stays: comparisons are never erased.
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(overlap__gte=1), name="project_overlap_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state_in_words(self) -> str:
        """The state as a word in a sentence, in the reader's language."""
        words = {
            self.State.DRAFT: pgettext("state", "draft"),
            self.State.OPEN: pgettext("state", "open"),
            self.State.PAUSED: pgettext("state", "paused"),
            self.State.CLOSED: pgettext("state", "closed"),
        }
        return words[self.State(self.state)]
