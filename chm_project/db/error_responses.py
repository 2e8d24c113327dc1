"""Map database errors to HTTP responses: status, message and when to retry."""

from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, OperationalError


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    message: str
    retry_after: int


UNAVAILABLE = Refusal(503, "The database does not answer at the moment. Nothing was stored; try again in a moment.", 3)
LOCKED = Refusal(503, "The database is busy with other work on the same rows. Nothing was stored; try again.", 2)
TOO_LONG = Refusal(504, "The database needed too long and canceled the request. Request less, or try again later.", 10)

# Canceled by statement_timeout; lock_timeout; deadlock; serialization failure.
_BY_STATE = {"57014": TOO_LONG, "55P03": LOCKED, "40P01": LOCKED, "40001": LOCKED}
# Connection failures, too few resources (a full disk, too many connections), an operator's intervention, system errors.
_UNAVAILABLE_CLASSES = ("08", "53", "57", "58")


def refusal_of(error: BaseException) -> Refusal | None:
    """Return the response to a database error; None for an error in CHM itself, such as invalid SQL."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    state = getattr(error.__cause__, "sqlstate", None)
    if state is None:
        return UNAVAILABLE if isinstance(error, OperationalError | InterfaceError) else None
    return _BY_STATE.get(state) or (UNAVAILABLE if state.startswith(_UNAVAILABLE_CLASSES) else None)
