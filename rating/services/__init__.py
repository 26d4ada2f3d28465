"""Every write of ratings: runs (`runs`), and what they are to be made of (`plan`)."""

from rating.services.plan import choose_method, request_recompute, set_aside, take_back
from rating.services.runs import recompute

__all__ = ["choose_method", "recompute", "request_recompute", "set_aside", "take_back"]
