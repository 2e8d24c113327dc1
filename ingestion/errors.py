"""What can go wrong with a partner, grouped by what to do about it. Messages are one sentence, without secrets."""


class PartnerError(Exception):
    """The walk of one pipeline or connection failed; the others go on."""


class Unavailable(PartnerError):
    """Nothing is wrong with what we asked: the next tick may well succeed."""


class Refused(PartnerError):
    """Asking again the same way gets the same answer: somebody has to change something."""


class TokenRefused(Refused):
    """The proof of who we are was not accepted; a fresh one may be."""


class NotFound(Refused):
    """The partner does not know what we asked for; `explained` where it said so in its API's own words, as a proxy
    in front of it would not, and `in_json` where it at least answered with a JSON object."""

    def __init__(self, message: str, *, explained: bool = False, in_json: bool = False) -> None:
        super().__init__(message)
        self.explained = explained
        self.in_json = in_json


class BadAnswer(PartnerError):
    """The partner's response does not have the form that its connector expects."""
