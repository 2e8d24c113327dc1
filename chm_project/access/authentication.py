"""Authenticate requests by `Authorization: Bearer TOKEN`.

All invalid tokens get the same response, so that a guess does not reveal whether a token exists.
"""

from django.contrib.auth.models import AbstractBaseUser
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from chm_project.access.models import ApiToken
from chm_project.access.services import TOKEN_FORMAT, find_token, record_use

_INVALID_MESSAGE = (
    "This token is malformed, unknown, expired or revoked. Send `Authorization: Bearer TOKEN` with a valid one."
)


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, ApiToken] | None:
        scheme, _, credentials = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        credentials = credentials.strip()
        plaintext = credentials.decode("ascii", "replace")
        # Some views need only one row. The query for the token also reads this row; see `StrictView.get_early_row`.
        early_row = getattr(request.parser_context.get("view"), "early_row", None)
        # Do not query the database for a malformed token.
        token = find_token(plaintext, early_row) if TOKEN_FORMAT.fullmatch(plaintext) else None
        if token is None:
            raise AuthenticationFailed(_INVALID_MESSAGE)
        record_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        # Without this header, REST framework would answer 403 instead of 401.
        return 'Bearer realm="CHM"'
