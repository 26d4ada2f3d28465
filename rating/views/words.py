"""Words of the numerics and the exports, which know no language; pages say them by the filter `said`."""

from django.utils.translation import gettext_noop

METHODS = (
    gettext_noop("TrueSkill over all comparisons, with how each annotator sees"),
    gettext_noop("TrueSkill over all comparisons, all annotators alike"),
    gettext_noop("TrueSkill one comparison after the other"),
    gettext_noop("Bradley–Terry"),
)
# Why a comparison has no row in an export, as its card has it.
LEFT_OUT = (
    gettext_noop("annotator does not see reliably"),
    gettext_noop("annotator set aside"),
    gettext_noop("another criterion"),
    gettext_noop("image excluded"),
    gettext_noop("image without a rating"),
    gettext_noop("its file is gone or has changed"),
    gettext_noop("its images are in two splits"),
    gettext_noop("retracted"),
    gettext_noop("several images on the screen"),
    gettext_noop("too few votes of its pair"),
)
