"""How a request to a partner proves who we are."""

import threading
from base64 import b64encode
from typing import Protocol

from ingestion.errors import BadAnswer


class TokenSource(Protocol):
    """The one thing that an exchange needs of a session."""

    def post(self, path: str, body: object, *, authenticated: bool = True) -> object: ...


class Auth:
    """No proof, and the interface of all others."""

    secrets: tuple[str, ...] = ()

    def headers(self, session: TokenSource) -> dict[str, str]:
        return {}

    def refused(self) -> bool:
        """The partner refused the proof: whether another one can be had."""
        return False


class Bearer(Auth):
    def __init__(self, token: str) -> None:
        self._token = token
        self.secrets = (token,)

    def headers(self, session: TokenSource) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}


class Basic(Auth):
    def __init__(self, username: str, password: str) -> None:
        self._encoded = b64encode(f"{username}:{password}".encode()).decode()
        self.secrets = (password, self._encoded)

    def headers(self, session: TokenSource) -> dict[str, str]:
        return {"Authorization": f"Basic {self._encoded}"}


class AirflowToken(Auth):
    """Airflow 3: user name and password are exchanged for a token at /auth/token, kept until it is refused.

    Tokens live as long as the process, by connection, so that a tick does not cost an exchange.
    """

    _tokens: dict[tuple[str, str, str], str] = {}
    _lock = threading.Lock()

    def __init__(self, connection: str, username: str, password: str) -> None:
        self._key = (connection, username, password)
        self.secrets = (password,)

    def headers(self, session: TokenSource) -> dict[str, str]:
        with self._lock:
            if self._key not in self._tokens:
                _, username, password = self._key
                answer = session.post("/auth/token", {"username": username, "password": password}, authenticated=False)
                token = answer.get("access_token") if isinstance(answer, dict) else None
                if not isinstance(token, str):
                    raise BadAnswer("/auth/token answered without an access_token")
                self._tokens[self._key] = token
            self.secrets = (self._key[2], self._tokens[self._key])
            return {"Authorization": f"Bearer {self._tokens[self._key]}"}

    def refused(self) -> bool:
        with self._lock:
            return self._tokens.pop(self._key, None) is not None
