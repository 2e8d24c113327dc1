"""Errors of partners, grouped by what the caller does next. Messages are one sentence without secrets."""


class PartnerError(Exception):
    """The walk of one pipeline or connection failed; other walks continue."""


class Unavailable(PartnerError):
    """The partner is not available. The next tick may succeed."""


class Refused(PartnerError):
    """The partner refuses the request. Repeating it does not help until its cause is corrected."""


class TokenRefused(Refused):
    """The partner refused the credentials; it may accept new ones."""


class NotFound(Refused):
    """The partner has no such resource (404).

    A 404 can also come from a proxy in front of the partner, and then it does not prove that a run was deleted. So a
    connector checks one of the flags first. `has_api_error` is true if the body has the fields of Airflow's errors;
    the Airflow connector checks it. `has_json_body` is true if the body is any JSON object; the declarative connector
    checks it.
    """

    def __init__(self, message: str, *, has_api_error: bool = False, has_json_body: bool = False) -> None:
        super().__init__(message)
        self.has_api_error = has_api_error
        self.has_json_body = has_json_body


class BadAnswer(PartnerError):
    """The partner's response does not have the form that its connector expects."""
