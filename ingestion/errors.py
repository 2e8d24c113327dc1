"""Errors of partners, grouped by what to do. Messages are one sentence without secrets."""


class PartnerError(Exception):
    """The walk of one pipeline or connection failed; others continue."""


class Unavailable(PartnerError):
    """The partner is not available: the next tick may succeed."""


class Refused(PartnerError):
    """The partner refuses the request: repeating it does not help until something is changed."""


class TokenRefused(Refused):
    """The credentials were refused; new ones may be accepted."""


class NotFound(Refused):
    """The partner does not know what we asked for; `explained` where it said so in its API's own words, as a proxy
    in front of it would not, and `in_json` where it at least answered with a JSON object."""

    def __init__(self, message: str, *, explained: bool = False, in_json: bool = False) -> None:
        super().__init__(message)
        self.explained = explained
        self.in_json = in_json


class BadAnswer(PartnerError):
    """The partner's response does not have the form that its connector expects."""
