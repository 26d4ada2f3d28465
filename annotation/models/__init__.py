from annotation.models.assignment import Assignment, Purpose
from annotation.models.comparison import AMISS, Cause, Comparison, Outcome
from annotation.models.criterion import Criterion
from annotation.models.example import Example, PracticeAnswer
from annotation.models.flag import Decision, Flag
from annotation.models.image import Folder, Image
from annotation.models.imports import Import, ImportedFile, ImportRefusal
from annotation.models.invitation import Invitation
from annotation.models.lineup import Lineup, LineupImage
from annotation.models.membership import Membership, Role
from annotation.models.pair import Pair
from annotation.models.project import Project, Screen, validate_tags
from annotation.models.prompt import Prompt
from annotation.models.proposal import Fallback, Proposal
from annotation.models.token import Scope, Token
from annotation.models.user import User
from annotation.models.webhook import Delivery, Webhook

__all__ = [
    "AMISS",
    "Assignment",
    "Cause",
    "Comparison",
    "Criterion",
    "Decision",
    "Delivery",
    "Example",
    "Fallback",
    "Flag",
    "Folder",
    "Image",
    "Import",
    "ImportRefusal",
    "ImportedFile",
    "Invitation",
    "Lineup",
    "LineupImage",
    "Membership",
    "Outcome",
    "Pair",
    "PracticeAnswer",
    "Project",
    "Prompt",
    "Proposal",
    "Purpose",
    "Role",
    "Scope",
    "Screen",
    "Token",
    "User",
    "Webhook",
    "validate_tags",
]
