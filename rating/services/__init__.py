"""Every write of ratings: runs (`runs`), what they are made of (`plan`), whom to look at (`review`)."""

from rating.services.plan import choose_method, request_recompute, set_aside, take_back
from rating.services.review import review_annotators
from rating.services.runs import recompute

__all__ = [
    "choose_method",
    "recompute",
    "request_recompute",
    "review_annotators",
    "set_aside",
    "take_back",
]
