"""Errors of partners, grouped by what the caller does next. Messages are one sentence without secrets."""


class PartnerError(Exception):
    """The walk of one pipeline or connection failed; others continue."""


class Unavailable(PartnerError):
    """The partner is not available. The next tick may succeed."""


class Refused(PartnerError):
    """The partner refuses the request. Repeating it does not help until someone changes something."""


class TokenRefused(Refused):
    """The credentials were refused; new ones may be accepted."""


class NotFound(Refused):
    """The partner has no such resource (404).

    `explained` is true if the body is an error of the partner's API and not of a proxy before it. `in_json` is true if
    the body is any JSON object. A connector checks one of the two before it treats a run as gone,
    because a 404 of a proxy proves nothing.
    """

    def __init__(self, message: str, *, explained: bool = False, in_json: bool = False) -> None:
        super().__init__(message)
        self.explained = explained
        self.in_json = in_json


class BadAnswer(PartnerError):
    """The partner's response does not have the form that its connector expects."""
