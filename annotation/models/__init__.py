from annotation.models.assignment import Assignment
from annotation.models.comparison import Comparison, Outcome
from annotation.models.criterion import Criterion
from annotation.models.image import Folder, Image
from annotation.models.imports import Import, ImportRefusal
from annotation.models.invitation import Invitation
from annotation.models.membership import Membership, Role
from annotation.models.pair import Pair
from annotation.models.project import Project
from annotation.models.prompt import Prompt
from annotation.models.token import Scope, Token
from annotation.models.user import User
from annotation.models.webhook import Delivery, Webhook

__all__ = [
    "Assignment",
    "Comparison",
    "Criterion",
    "Delivery",
    "Folder",
    "Image",
    "Import",
    "ImportRefusal",
    "Invitation",
    "Membership",
    "Outcome",
    "Pair",
    "Project",
    "Prompt",
    "Role",
    "Scope",
    "Token",
    "User",
    "Webhook",
]
