"""Every write of ratings: runs (`runs`), what they are to be made of (`plan`) and are worth (`accuracy`), and
whom to look at (`review`)."""

from rating.services.plan import choose_method, request_recompute, set_aside, take_back
from rating.services.review import review_annotators
from rating.services.runs import judge_latest, recompute

__all__ = [
    "choose_method",
    "judge_latest",
    "recompute",
    "request_recompute",
    "review_annotators",
    "set_aside",
    "take_back",
]
