"""Authentication of requests to partners.

A process keeps each token in memory, so that not every tick requests a new token. The locks protect only the
dictionaries of tokens. Requests for tokens need no lock: if two threads send one at the same time, both get a valid
token.
"""

import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Protocol

from ingestion.errors import BadAnswer


def fits_into_header(text: str) -> bool:
    """Return whether the text can be the value of a header, or the end of one."""
    return text.isascii() and text.isprintable() and text == text.strip() != ""


class TokenRequester(Protocol):
    """The methods of PartnerSession that request a token."""

    def post(self, path: str, body: object, *, authenticated: bool = True) -> object: ...

    def request_token(
        self, url: str, body: Mapping[str, str], *, as_form: bool, headers: Mapping[str, str]
    ) -> object: ...


class Auth:
    """Base class of all kinds of authentication. This class itself adds no credentials to requests.

    `secrets` are the texts that messages must not contain.
    """

    secrets: tuple[str, ...] = ()

    def headers(self, session: TokenRequester) -> dict[str, str]:
        return {}

    def is_refusal(self, status: int, message: str) -> bool:
        """Return whether a response with this status and message means that the credentials were refused."""
        return status == 401

    def drop_credentials(self) -> bool:
        """Drop refused credentials and return whether new ones are available."""
        return False


class BearerAuth(Auth):
    def __init__(self, token: str) -> None:
        self._token = token
        self.secrets = (token,)

    def headers(self, session: TokenRequester) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}


class HeaderAuth(Auth):
    """A header with the secret. `prefix` is a word before the secret that some partners require, such as Token."""

    def __init__(self, name: str, prefix: str, secret: str) -> None:
        self._header = {name: f"{prefix} {secret}" if prefix else secret}
        self.secrets = (secret,)

    def headers(self, session: TokenRequester) -> dict[str, str]:
        return self._header


class BasicAuth(Auth):
    def __init__(self, username: str, password: str) -> None:
        self._encoded = b64encode(f"{username}:{password}".encode()).decode()
        self.secrets = (password, self._encoded)

    def headers(self, session: TokenRequester) -> dict[str, str]:
        return {"Authorization": f"Basic {self._encoded}"}


class AirflowTokenAuth(Auth):
    """Airflow 3: /auth/token returns a token for a user name and password. CHM uses it until Airflow refuses it."""

    _tokens: dict[tuple[str, str, str], str] = {}
    _lock = threading.Lock()

    def __init__(self, connection: str, username: str, password: str) -> None:
        self._key = (connection, username, password)
        self.secrets = (password,)

    def headers(self, session: TokenRequester) -> dict[str, str]:
        with self._lock:
            token = self._tokens.get(self._key)
        if token is None:
            token = self._request_token(session)
            with self._lock:
                self._tokens[self._key] = token
        self.secrets = (self._key[2], token)
        return {"Authorization": f"Bearer {token}"}

    def is_refusal(self, status: int, message: str) -> bool:
        """Return whether the token was refused."""
        # If Airflow restarts with another signing key, it answers 403 "Invalid JWT token" to old tokens. Any other 403
        # means a missing permission.
        return status == 401 or (status == 403 and "Invalid JWT" in message)

    def drop_credentials(self) -> bool:
        with self._lock:
            return self._tokens.pop(self._key, None) is not None

    def _request_token(self, session: TokenRequester) -> str:
        _, username, password = self._key
        response_body = session.post("/auth/token", {"username": username, "password": password}, authenticated=False)
        return _access_token(response_body, "/auth/token")


class ClientCredentialsAuth(Auth):
    """OAuth2 client credentials (RFC 6749, section 4.4).

    The token from `token_url` is kept until shortly before it expires, or until it is refused.
    """

    # A token is replaced this long before it expires, so that it cannot expire during a request.
    EXPIRY_MARGIN_SECONDS = 60
    MAX_LIFETIME_SECONDS = 366 * 86_400
    _tokens: dict[tuple[str, ...], tuple[str, float]] = {}
    _lock = threading.Lock()

    def __init__(
        self, connection: str, *, token_url: str, client_id: str, secret: str, scope: str = "", style: str = "form"
    ) -> None:
        """`style` is how credentials are sent: in a form, as JSON (Airbyte), or in a basic authentication header."""
        self._key = (connection, token_url, client_id, secret, scope)
        self._style = style
        self.secrets = (secret,)

    def headers(self, session: TokenRequester) -> dict[str, str]:
        with self._lock:
            token, expires_at = self._tokens.get(self._key, ("", 0.0))
        if time.monotonic() >= expires_at:
            token, expires_at = self._request_token(session)
            with self._lock:
                self._tokens[self._key] = token, expires_at
        self.secrets = (self._key[3], token)
        return {"Authorization": f"Bearer {token}"}

    def drop_credentials(self) -> bool:
        with self._lock:
            return self._tokens.pop(self._key, None) is not None

    def _request_token(self, session: TokenRequester) -> tuple[str, float]:
        _, token_url, client_id, secret, scope = self._key
        body = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        headers: dict[str, str] = {}
        if self._style == "basic":
            headers = BasicAuth(client_id, secret).headers(session)
        else:
            body |= {"client_id": client_id, "client_secret": secret}
        response_body = session.request_token(token_url, body, as_form=self._style != "json", headers=headers)
        token = _access_token(response_body, "the token_url")
        seconds = response_body.get("expires_in") if isinstance(response_body, dict) else None
        # RFC 6749 does not require expires_in. Without it CHM assumes an hour. If the partner refuses the token
        # earlier, CHM requests a new one.
        lifetime = 3600.0
        if isinstance(seconds, int | float) and 0 <= seconds <= self.MAX_LIFETIME_SECONDS:
            lifetime = float(seconds)
        # A token that is valid for less than two margins (120 s) is used for half of its time. Example: valid for 90 s,
        # used for 45 s.
        return token, time.monotonic() + max(lifetime - self.EXPIRY_MARGIN_SECONDS, lifetime / 2)


def _access_token(response_body: object, place: str) -> str:
    """Return the token. Raise BadAnswer if there is none, or if requests could not be sent with it."""
    token = response_body.get("access_token") if isinstance(response_body, dict) else None
    if not isinstance(token, str) or not fits_into_header(token):
        raise BadAnswer(f"{place} answered without a usable access_token")
    return token
