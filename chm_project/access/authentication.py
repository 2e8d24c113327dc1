"""`Authorization: Bearer TOKEN`. Every invalid token gets the same response, so that guessing reveals nothing."""

from django.contrib.auth.models import AbstractBaseUser
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from chm_project.access.models import ApiToken
from chm_project.access.services import TOKEN_SHAPE, find_token, record_use

_INVALID_MESSAGE = (
    "This token is malformed, unknown, expired or revoked. Send `Authorization: Bearer TOKEN` with a valid one."
)


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, ApiToken] | None:
        scheme, _, credentials = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        credentials = credentials.strip()
        presented = credentials.decode("ascii", "replace")
        # A malformed token needs no query.
        token = find_token(presented) if TOKEN_SHAPE.fullmatch(presented) else None
        if token is None:
            raise AuthenticationFailed(_INVALID_MESSAGE)
        record_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="CHM"'
