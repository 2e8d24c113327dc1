"""Authentication of requests to partners.

Exchanged tokens are kept per connection for the life of the process, to save a request per tick. The locks protect only
the dictionaries: two threads may exchange at the same time, and both tokens are valid.
"""

import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Protocol

from ingestion.errors import BadAnswer


class TokenSource(Protocol):
    """The part of PartnerSession that the exchange of credentials for a token needs."""

    def post(self, path: str, body: object, *, authenticated: bool = True) -> object: ...

    def token(self, url: str, body: Mapping[str, str], *, form: bool, headers: Mapping[str, str]) -> object: ...


class Auth:
    """The base class, which sends no authentication. `secrets` are removed from messages."""

    secrets: tuple[str, ...] = ()

    def headers(self, session: TokenSource) -> dict[str, str]:
        return {}

    def is_refusal(self, status: int, message: str) -> bool:
        """Return whether a response with this status and message means refused credentials."""
        return status == 401

    def drop_credentials(self) -> bool:
        """Drop refused credentials and return whether new ones are available."""
        return False


class Bearer(Auth):
    def __init__(self, token: str) -> None:
        self._token = token
        self.secrets = (token,)

    def headers(self, session: TokenSource) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}


class Header(Auth):
    """A header of any name with the secret, after a word such as Token if the partner requires one."""

    def __init__(self, name: str, word: str, secret: str) -> None:
        self._header = {name: f"{word} {secret}" if word else secret}
        self.secrets = (secret,)

    def headers(self, session: TokenSource) -> dict[str, str]:
        return self._header


class Basic(Auth):
    def __init__(self, username: str, password: str) -> None:
        self._encoded = b64encode(f"{username}:{password}".encode()).decode()
        self.secrets = (password, self._encoded)

    def headers(self, session: TokenSource) -> dict[str, str]:
        return {"Authorization": f"Basic {self._encoded}"}


class AirflowToken(Auth):
    """Airflow 3: exchange user name and password for a token at /auth/token, kept until it is refused."""

    _tokens: dict[tuple[str, str, str], str] = {}
    _lock = threading.Lock()

    def __init__(self, connection: str, username: str, password: str) -> None:
        self._key = (connection, username, password)
        self.secrets = (password,)

    def headers(self, session: TokenSource) -> dict[str, str]:
        with self._lock:
            token = self._tokens.get(self._key)
        if token is None:
            token = self._exchange(session)
            with self._lock:
                self._tokens[self._key] = token
        self.secrets = (self._key[2], token)
        return {"Authorization": f"Bearer {token}"}

    def is_refusal(self, status: int, message: str) -> bool:
        """Return whether the token was refused."""
        # After a restart with another secret, Airflow answers 403 "Invalid JWT token". Any other 403 is a permission.
        return status == 401 or (status == 403 and "Invalid JWT" in message)

    def drop_credentials(self) -> bool:
        with self._lock:
            return self._tokens.pop(self._key, None) is not None

    def _exchange(self, session: TokenSource) -> str:
        _, username, password = self._key
        answer = session.post("/auth/token", {"username": username, "password": password}, authenticated=False)
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise BadAnswer("/auth/token answered without an access_token")
        return token


class ClientCredentials(Auth):
    """OAuth2 client credentials (RFC 6749, section 4.4).

    The token from `token_url` is kept until shortly before it expires, or until it is refused.
    """

    MARGIN_SECONDS = 60
    _tokens: dict[tuple[str, ...], tuple[str, float]] = {}
    _lock = threading.Lock()

    def __init__(
        self, connection: str, *, token_url: str, client_id: str, secret: str, scope: str = "", style: str = "form"
    ) -> None:
        """`style` is how credentials are sent: `form`, `json` (Airbyte) or `basic` (a header and a form)."""
        self._key = (connection, token_url, client_id, secret, scope)
        self._style = style
        self.secrets = (secret,)

    def headers(self, session: TokenSource) -> dict[str, str]:
        with self._lock:
            token, expires_at = self._tokens.get(self._key, ("", 0.0))
        if time.monotonic() >= expires_at:
            token, expires_at = self._exchange(session)
            with self._lock:
                self._tokens[self._key] = token, expires_at
        self.secrets = (self._key[3], token)
        return {"Authorization": f"Bearer {token}"}

    def drop_credentials(self) -> bool:
        with self._lock:
            return self._tokens.pop(self._key, None) is not None

    def _exchange(self, session: TokenSource) -> tuple[str, float]:
        _, token_url, client_id, secret, scope = self._key
        body = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        headers: dict[str, str] = {}
        if self._style == "basic":
            headers = Basic(client_id, secret).headers(session)
        else:
            body |= {"client_id": client_id, "client_secret": secret}
        answer = session.token(token_url, body, form=self._style != "json", headers=headers)
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise BadAnswer("the token_url answered without an access_token")
        seconds = answer.get("expires_in") if isinstance(answer, dict) else None
        # RFC 6749 only recommends expires_in. Without it, an hour is assumed; a token refused earlier is replaced.
        lifetime = float(seconds) if isinstance(seconds, int | float) else 3600.0
        # A token that lives for less than two margins is used for half its life.
        return token, time.monotonic() + max(lifetime - self.MARGIN_SECONDS, lifetime / 2)
