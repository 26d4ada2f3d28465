import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from annotation.models import Criterion, Image, Project
from rating.algorithms.attention import FEWEST


class RatingPlan(models.Model):
    """By which method a project's ratings are made; a project without one takes the default."""

    DEFAULT = "trueskill_annotators"

    project = models.OneToOneField(Project, models.CASCADE, related_name="rating_plan")
    method = models.CharField(max_length=40, default=DEFAULT)

    def __str__(self) -> str:
        return f"{self.project}: {self.method}"


class SetAside(models.Model):
    """A person whose comparisons do not count in a project's ratings, until they are taken back.

    Their comparisons stay in the log; the ratings are those of a log without them.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="set_aside")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "set aside"
        constraints = [
            models.UniqueConstraint(fields=["project", "annotator"], name="set_aside_once"),
        ]

    def __str__(self) -> str:
        return f"{self.annotator} in {self.project}"


class RatingRun(models.Model):
    """One inference over a project's log, stored whole: what was read, how, and how long it took.

    The same log, method and settings give the same ratings to the last bit; `fingerprint` is theirs.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="runs")
    method = models.CharField(max_length=40)
    settings = models.JSONField(default=dict)
    revision = models.PositiveBigIntegerField(
        help_text="How much of the project's log it has read."
    )
    comparisons = models.PositiveBigIntegerField(
        help_text="How many comparisons entered the ratings."
    )
    fingerprint = models.CharField(max_length=64)
    seconds = models.FloatField()
    finished_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-revision", "-finished_at", "id"]
        indexes = [
            models.Index(fields=["project", "-revision", "-finished_at"], name="run_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.method} of {self.project} at revision {self.revision}"


class Rating(models.Model):
    """Where one image stands under one criterion, among the images of its prompt, in one run."""

    run = models.ForeignKey(RatingRun, models.CASCADE, related_name="ratings")
    criterion = models.ForeignKey(Criterion, models.CASCADE, related_name="+")
    image = models.ForeignKey(Image, models.CASCADE, related_name="ratings")
    rank = models.PositiveIntegerField()
    rank_low = models.PositiveIntegerField(help_text="Best rank that the doubt about mu allows.")
    rank_high = models.PositiveIntegerField(help_text="Worst rank that the doubt about mu allows.")
    mu = models.FloatField()
    sigma = models.FloatField()
    score = models.FloatField(help_text="The conservative score, mu - 3 sigma.")
    comparisons = models.PositiveIntegerField()
    wins = models.PositiveIntegerField()
    losses = models.PositiveIntegerField()
    ties = models.PositiveIntegerField()
    group = models.PositiveIntegerField(
        default=1,
        help_text="Images of different groups were never compared, even through others; 1 is the largest.",
    )

    class Meta:
        ordering = ["rank", "image__name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "criterion", "image"], name="rating_once"),
        ]
        indexes = [
            models.Index(fields=["run", "criterion", "rank"], name="rating_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.image}: {self.mu:.2f} ± {self.sigma:.2f}"


class AnnotatorReliability(models.Model):
    """How one person saw, in one run: each number with the interval that holds it with 95 %.

    What pages, the API and exports conclude from it is concluded here, and never from fewer than FEWEST
    comparisons.
    """

    GUESSING = 0.5  # the probability of not looking from which on a person is taken not to look

    run = models.ForeignKey(RatingRun, models.CASCADE, related_name="annotators")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    comparisons = models.PositiveIntegerField()
    sharpness = models.FloatField(
        help_text="1 sees like most, 0 clicks at random, below 0 reverses."
    )
    sharpness_low = models.FloatField()
    sharpness_high = models.FloatField()
    side_bias = models.FloatField(
        help_text="The pull to the left, in units of a comparison's noise."
    )
    side_bias_low = models.FloatField()
    side_bias_high = models.FloatField()
    spammer = models.FloatField(
        help_text="The probability that they do not look, or answer in reverse."
    )

    class Meta:
        verbose_name_plural = "annotator reliabilities"
        constraints = [
            models.UniqueConstraint(fields=["run", "annotator"], name="reliability_once"),
        ]

    def __str__(self) -> str:
        return f"{self.annotator}: {self.sharpness:.2f}"

    @property
    def enough(self) -> bool:
        return self.comparisons >= FEWEST

    @property
    def guesses(self) -> bool:
        """Return whether this person probably does not look, or answers in reverse."""
        return self.enough and self.spammer >= self.GUESSING

    @property
    def weight(self) -> float:
        """Return what a vote of this person weighs: 1 like most people's, also while too little is known."""
        if not self.enough:
            return 1.0
        return 0.0 if self.guesses else round(max(0.0, self.sharpness), 6)


class RunAccuracy(models.Model):
    """How near the truth a run's ranking is under one criterion, as announced, with 95 % intervals.

    Derived from the log, as the run is, and from what was asked for (`target`, `target_value`, `k`): the same
    gives the same to the last bit. With the runs in order it is a curve of accuracy against comparisons.
    """

    run = models.ForeignKey(RatingRun, models.CASCADE, related_name="accuracies")
    criterion = models.ForeignKey(Criterion, models.CASCADE, related_name="+")
    tau = models.FloatField(help_text="Kendall's, between the published order and the truth.")
    tau_low = models.FloatField()
    tau_high = models.FloatField()
    spearman = models.FloatField()
    spearman_low = models.FloatField()
    spearman_high = models.FloatField()
    k = models.PositiveIntegerField(help_text="How many are the top.")
    top = models.FloatField(
        null=True, help_text="The share of the published top that belongs there; null if all do."
    )
    top_low = models.FloatField(null=True)
    top_high = models.FloatField(null=True)
    target = models.CharField(max_length=10, choices=Project.Target, blank=True)
    target_value = models.FloatField()
    random_pairs = models.JSONField(
        null=True, help_text="What pairs at random say of the model: promised, seen, low, high, …"
    )
    forecast = models.JSONField(
        null=True, help_text="Further comparisons until the target: votes, low, high, most."
    )
    seconds_a_vote = models.FloatField(null=True)
    gained = models.JSONField(
        default=dict,
        help_text="By kind of screen: what one has added to the share of pairs in the right order.",
    )

    class Meta:
        verbose_name_plural = "run accuracies"
        constraints = [
            models.UniqueConstraint(fields=["run", "criterion"], name="accuracy_once"),
        ]

    def __str__(self) -> str:
        return f"{self.criterion}: tau {self.tau:.2f} ({self.tau_low:.2f}–{self.tau_high:.2f})"

    @property
    def of_target(self) -> tuple[float, float, float] | None:
        """Estimate, low and high of what the target is about; None without one."""
        if self.target == Project.Target.TAU:
            return self.tau, self.tau_low, self.tau_high
        if self.target == Project.Target.TOP and self.top is not None:
            return self.top, self.top_low or 0.0, self.top_high or 0.0
        return None

    @property
    def reached(self) -> bool:
        """Whether even the lower end is at the target; what comes in steps may miss it by a rounding."""
        measured = self.of_target
        return measured is not None and measured[1] >= self.target_value - 1e-9


class Closing(models.Model):
    """A project closed itself at a target. Once for a target: who opens it again wants it open."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="closings")
    run = models.ForeignKey(RatingRun, models.SET_NULL, null=True, related_name="+")
    target = models.CharField(max_length=10, choices=Project.Target)
    target_value = models.FloatField()
    k = models.PositiveIntegerField(
        help_text="How many are the top; 0 where it is not about a top."
    )
    why = models.CharField(max_length=300)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "target", "target_value", "k"], name="closed_once_for_a_target"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project}: {self.why}"


class Export(models.Model):
    """A file that was asked for: written by a worker, then kept as it is, with its checksum."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="exports")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    format = models.CharField(max_length=30)
    file = models.CharField(max_length=10, help_text="The file's type: csv, parquet, zip …")
    options = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    progress = models.FloatField(default=0.0, help_text="The share of the log that is read.")
    error = models.TextField(blank=True)
    run = models.ForeignKey(
        RatingRun, models.PROTECT, null=True, blank=True, related_name="exports"
    )
    revision = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="How far the project's log went when it was read."
    )
    rows = models.PositiveBigIntegerField(default=0)
    left_out = models.JSONField(default=dict, help_text="Comparisons without a row, by reason.")
    card = models.TextField(blank=True, help_text="What it is and how it was made, in Markdown.")
    bytes = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # From then on the file is gone, and the row says so for a while.
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(fields=["project", "-created_at"], name="export_latest"),
            models.Index(
                fields=["created_at"],
                name="export_unfinished",
                condition=models.Q(status__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.format} of {self.project}"


class HubPush(models.Model):
    """One upload of a finished export to a data set of the operator's hub."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    export = models.ForeignKey(Export, models.CASCADE, related_name="pushes")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    repository = models.CharField(max_length=200)
    private = models.BooleanField(default=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    error = models.TextField(blank=True)
    url = models.URLField(max_length=500, blank=True)
    commit = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        verbose_name_plural = "hub pushes"
        indexes = [
            models.Index(
                fields=["created_at"],
                name="push_unfinished",
                condition=models.Q(status__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.export} to {self.repository}"
