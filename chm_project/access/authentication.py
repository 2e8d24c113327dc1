"""`Authorization: Bearer TOKEN`. Every way in which a token can be wrong gets the same answer."""

import re

from django.contrib.auth.models import AbstractBaseUser
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from chm_project.access.models import ApiToken
from chm_project.access.services import find_token, record_use

_TOKEN = re.compile(rb"chm_[A-Za-z0-9]{8}_[A-Za-z0-9]{40}")
_REFUSED = "This token is malformed, unknown, expired or revoked. Send `Authorization: Bearer TOKEN` with a valid one."


@sensitive_variables()
def find_presented(credentials: bytes) -> ApiToken | None:
    """The usable token that somebody shows, whose use is recorded."""
    token = find_token(credentials.decode("ascii")) if _TOKEN.fullmatch(credentials) else None
    if token is not None:
        record_use(token)
    return token


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, ApiToken] | None:
        scheme, _, credentials = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        token = find_presented(credentials.strip())
        if token is None:
            raise AuthenticationFailed(_REFUSED)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="CHM"'
