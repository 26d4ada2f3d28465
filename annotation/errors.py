"""What a service refuses, in the user's words. Access is refused by Http404 and PermissionDenied."""


class Refused(Exception):
    """Nothing was changed; the message says what is wrong and what to do."""


class Invalid(Refused):
    """A value is not usable; `field` is the one."""

    def __init__(self, message: str, field: str = "detail") -> None:
        super().__init__(message)
        self.field = field


class Conflict(Refused):
    """The value is fine, but the state of things has no place for it."""


class Gone(Refused):
    """It was there once, and its time is over."""


class Busy(Refused):
    """It can be had, but not now: ask again after so many seconds."""

    retry_after = 5
