"""Map database errors to HTTP responses: status, message and when to retry."""

from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, OperationalError


@dataclass(frozen=True, slots=True)
class DatabaseErrorResponse:
    """The response to a database error; `retry_after` is in seconds."""

    status: int
    message: str
    retry_after: int


UNAVAILABLE = DatabaseErrorResponse(
    503, "The database does not answer at the moment. Nothing was stored; try again in a moment.", 3
)
LOCKED = DatabaseErrorResponse(
    503, "The database is busy with other work on the same rows. Nothing was stored; try again.", 2
)
TOO_LONG = DatabaseErrorResponse(
    504, "The database needed too long and canceled the request. Request less, or try again later.", 10
)

# SQLSTATE of statement_timeout, lock_timeout, deadlock and serialization failure.
_BY_SQLSTATE = {"57014": TOO_LONG, "55P03": LOCKED, "40P01": LOCKED, "40001": LOCKED}
# Classes of SQLSTATE: connection failures, too few resources (a full disk, too many connections), a shutdown by an
# operator, and system errors.
_UNAVAILABLE_CLASSES = ("08", "53", "57", "58")


def error_response_for(error: BaseException) -> DatabaseErrorResponse | None:
    """Return the response to a database error; None for other errors and for mistakes in CHM, such as invalid SQL."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    sqlstate = getattr(error.__cause__, "sqlstate", None)
    if sqlstate is None:
        return UNAVAILABLE if isinstance(error, OperationalError | InterfaceError) else None
    return _BY_SQLSTATE.get(sqlstate) or (UNAVAILABLE if sqlstate.startswith(_UNAVAILABLE_CLASSES) else None)
