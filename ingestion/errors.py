"""Errors of partners, grouped by what the caller does next. Messages are one sentence without secrets."""

from chm_project.scrubbing import storable_text


class PartnerError(Exception):
    """A request to the partner failed, or CHM cannot use the response.

    The message can contain texts of the partner, such as the host of a redirect. CHM stores and shows it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(storable_text(message))


class Unavailable(PartnerError):
    """The partner is not available. The next tick may succeed."""


class Refused(PartnerError):
    """The partner refuses the request. Repeating it does not help until its cause is corrected."""


class TokenRefused(Refused):
    """The partner refused the token or password. It may accept a new token."""


class NotFound(Refused):
    """The partner, or a proxy in front of it, answered 404.

    A 404 of a proxy does not prove that a run was deleted. So a connector checks that the 404 comes from the API. The
    Airflow connector checks `has_api_error`, which is true if the body has a field of Airflow's errors. The
    declarative connector checks `has_json_body`, which is true if the body is a JSON object.
    """

    def __init__(self, message: str, *, has_api_error: bool = False, has_json_body: bool = False) -> None:
        super().__init__(message)
        self.has_api_error = has_api_error
        self.has_json_body = has_json_body


class BadAnswer(PartnerError):
    """The partner's response does not have the form that its connector expects."""
