"""HTTP requests to partners: a session per connection, with time limits, retries, a size limit and one permitted host.

CHM repeats failed requests itself, because urllib3 repeats neither POST requests nor requests whose response is
incomplete.
"""

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from chm_project.scrubbing import FILTERED, scrub_text
from ingestion.auth import Auth
from ingestion.errors import BadAnswer, NotFound, PartnerError, Refused, TokenRefused, Unavailable
from ingestion.json_bodies import decode
from ingestion.partner_adapter import TIMEOUTS_PER_REQUEST, PartnerAdapter
from ingestion.rate_limit import RateLimit

MAX_BODY_BYTES = 32 * 1024 * 1024
MAX_RETRY_AFTER_SECONDS = 15 * 60  # a longer Retry-After counts as 15 minutes
# If a partner asks for a longer pause, the request fails at once and a later ingestion repeats it. So a worker does not
# wait for minutes.
MAX_WAIT_SECONDS = 60
CHUNK_BYTES = 64 * 1024
USER_AGENT = "chm-ingestion/1"

Query = Sequence[tuple[str, str]] | Mapping[str, str]


class TooLarge(BadAnswer):
    """The body is larger than MAX_BODY_BYTES."""


class NoRequestsLeft(PartnerError):
    """The code inside `limit_requests` has sent as many requests as it may."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The limits of a connection's requests."""

    timeout_seconds: float = 10  # for connecting, and for each wait for data
    max_retries: int = 3
    backoff_seconds: float = 1  # the wait before the first retry; it doubles before each further retry
    requests_per_second: float = 0  # 0: no limit

    @property
    def total_seconds(self) -> float:
        """Return the limit for a request and its response together. So a slow partner cannot block a worker."""
        return self.timeout_seconds * TIMEOUTS_PER_REQUEST


@dataclass(frozen=True, slots=True)
class PartnerResponse:
    """A response: its decoded JSON body, and the URL of the next page from its Link header."""

    body: Any
    next_url: str | None = None


class _RetryableFailure(Exception):
    """A request failed with `error`, and CHM may repeat it.

    `retry_after_seconds` is the pause that the partner asked for, or None.
    """

    def __init__(self, error: PartnerError, retry_after_seconds: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class _OutgoingRequest:
    method: str
    path: str
    query: Query
    body: Any
    as_form: bool
    headers: Mapping[str, str]


class _SessionWithoutRedirects(requests.Session):
    """A session that never looks at the address of a redirect.

    With `allow_redirects=False`, the package requests does not follow a redirect. But to prepare the next request, it
    reads the whole body of the redirect, without a limit of size or time, and fails at a malformed address.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class PartnerSession:
    """The HTTP session of a connection.

    A path is relative to `base_url`, or a whole URL. The caller percent-encodes it.

    All requests of a session share its TCP connections, its rate limit and the pauses that the partner asked for.
    `pause_seconds` is the remaining time of an earlier pause. `on_pause` is called with the seconds of each new pause.
    The methods that send requests raise Unavailable, TokenRefused, Refused, NotFound or BadAnswer.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: Auth,
        settings: HttpSettings,
        pause_seconds: float = 0,
        on_pause: Callable[[float], None] = lambda seconds: None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.auth = auth
        self.settings = settings
        self._sleep = sleep
        self._on_pause = on_pause
        self._rate_limit = RateLimit(settings.requests_per_second, sleep=sleep, clock=clock)
        self._rate_limit.pause(pause_seconds)
        self._requests_left: int | None = None
        self._session = _SessionWithoutRedirects()
        # The package requests then ignores .netrc and the proxies of the environment. Otherwise credentials in .netrc
        # would replace the Authorization header, and a proxy would see the token.
        self._session.trust_env = False
        # No retries by urllib3, because this class repeats requests itself.
        adapter = PartnerAdapter(max_retries=urllib3.Retry(0, read=False), pool_maxsize=4)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    @contextmanager
    def limit_requests(self, max_requests: int) -> Iterator[None]:
        """Limit the requests inside the `with` block, retries included. A further request raises NoRequestsLeft."""
        self._requests_left = max_requests
        try:
            yield
        finally:
            self._requests_left = None

    def get(self, path: str, query: Query = ()) -> Any:
        """Return the decoded JSON body."""
        return self.send_request("GET", path, query).body

    def post(self, path: str, body: Any, *, authenticated: bool = True) -> Any:
        """Send the body as JSON and return the decoded JSON body of the response."""
        return self.send_request("POST", path, (), body, authenticated=authenticated).body

    def request_token(self, url: str, body: Mapping[str, str], *, as_form: bool, headers: Mapping[str, str]) -> Any:
        """Request a token from `url`, which may be on another host. Send only the credentials in these arguments."""
        return self.send_request("POST", url, (), body, authenticated=False, as_form=as_form, headers=headers).body

    def send_request(
        self,
        method: str,
        path: str,
        query: Query = (),
        body: Any = None,
        *,
        authenticated: bool = True,
        as_form: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> PartnerResponse:
        """Send a request and return the response. If the token is refused, try once more with a new token."""
        request = _OutgoingRequest(method, path, query, body, as_form, headers or {})
        has_new_token = False
        while True:
            try:
                return self._with_retries(request, authenticated=authenticated)
            except TokenRefused:
                if has_new_token or not authenticated or not self.auth.drop_credentials():
                    raise
                has_new_token = True

    def same_host_url(self, url: str) -> str:
        """Return the URL of a next page with the scheme and port of `base_url`. Raise BadAnswer for another host.

        The token must not be sent to another host. The scheme and port are replaced, because a partner behind a proxy
        may return wrong ones.
        """
        base = urlsplit(self.base_url)
        try:
            target = urlsplit(urljoin(f"{self.base_url}/", url))
            host = target.hostname
        except ValueError:
            raise BadAnswer("the address of the next page cannot be read") from None
        if host != base.hostname:
            raise BadAnswer(f"the next page is on another host, {host}; CHM does not follow it")
        return urlunsplit((base.scheme, base.netloc, target.path, target.query, ""))

    def _with_retries(self, request: _OutgoingRequest, *, authenticated: bool) -> PartnerResponse:
        max_tries = self.settings.max_retries + 1
        try:
            for attempt in Retrying(
                retry=retry_if_exception_type(_RetryableFailure),
                stop=stop_after_attempt(max_tries),
                wait=self._retry_delay,
                sleep=self._sleep,
                reraise=True,
            ):
                with attempt:
                    return self._send_once(request, authenticated=authenticated)
        except _RetryableFailure as failure:
            tries_text = f" ({max_tries} tries)" if max_tries > 1 else ""
            raise type(failure.error)(f"{failure.error}{tries_text}") from None
        raise AssertionError("unreachable: Retrying returns or raises")

    def _retry_delay(self, state: RetryCallState) -> float:
        """Return the seconds to wait before the next try."""
        failure = state.outcome.exception() if state.outcome else None
        backoff = min(self.settings.backoff_seconds * 2 ** (state.attempt_number - 1), MAX_WAIT_SECONDS)
        if isinstance(failure, _RetryableFailure) and failure.retry_after_seconds is not None:
            return 0  # RateLimit waits instead, because the pause applies to all requests of the session
        # Jitter, so that several workers do not retry at the same time.
        return float(backoff * random.uniform(0.5, 1))  # noqa: S311 - not cryptography

    def _send_once(self, request: _OutgoingRequest, *, authenticated: bool) -> PartnerResponse:
        request_name = f"{request.method} {request.path.partition('?')[0]}"
        # This comes before the count below, because headers() may request a token. That request is counted separately.
        auth_headers = self.auth.headers(self) if authenticated else {}
        if self._requests_left is not None:
            if not self._requests_left:
                raise NoRequestsLeft("this ingestion may not send further requests")
            self._requests_left -= 1
        if (remaining := self._rate_limit.remaining_pause()) > MAX_WAIT_SECONDS:
            raise Unavailable(f"the partner asked for a pause; {remaining:.0f} s of it remain")
        self._rate_limit.wait()
        deadline = time.monotonic() + self.settings.total_seconds
        try:
            response = self._session.request(
                request.method,
                request.path if "://" in request.path else f"{self.base_url}{request.path}",
                params=request.query,
                json=None if request.as_form else request.body,
                data=request.body if request.as_form else None,
                headers={"Accept": "application/json", "User-Agent": USER_AGENT, **request.headers, **auth_headers},
                timeout=self.settings.timeout_seconds,
                allow_redirects=False,  # the token must not be sent to another host; see _SessionWithoutRedirects
                stream=True,  # _read_body limits the size and the time of the body
            )
            with response:
                content = _read_body(response, deadline)
        except TooLarge as error:
            raise TooLarge(f"{request_name}: {error}") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _RetryableFailure(Unavailable(f"{request_name} failed: {self._failure_reason(error)}")) from None
        return self._checked_response(request_name, response, content, authenticated=authenticated)

    def _checked_response(
        self, request_name: str, response: requests.Response, content: bytes, *, authenticated: bool
    ) -> PartnerResponse:
        """Return the decoded response, or raise the error for its status and body. Messages contain `request_name`."""
        status = response.status_code
        if 200 <= status < 300:
            try:
                return PartnerResponse(decode(content), response.links.get("next", {}).get("url"))
            except (ValueError, RecursionError):
                # A proxy may have shortened the body or returned a page of its own, so a retry can succeed.
                content_type = response.headers.get("Content-Type", "no content type")
                raise _RetryableFailure(
                    BadAnswer(f"{request_name} answered {status} without readable JSON ({content_type})")
                ) from None
        detail = self._error_detail(content)
        message = f"{request_name} answered {status}{detail}"
        pause = _requested_pause(status, response.headers)
        if pause is not None:
            self._rate_limit.pause(pause)
            self._on_pause(pause)
        # GitHub answers 403 when its rate limit is used up.
        if status == 429 or status >= 500 or (status == 403 and pause is not None):
            raise _RetryableFailure(Unavailable(message), pause)
        if 300 <= status < 400:
            host = _host(response.headers.get("Location", "")) or "another address"
            raise Refused(f"{message}: it redirects to {host}; set base_url to the address of the API")
        # Only requests for tokens are not authenticated. For them, any other 4xx status except 404 means that the
        # credentials are wrong. For example, OAuth2 servers answer 400.
        credentials_refused = not authenticated and status != 404
        if status == 401 or credentials_refused or (authenticated and self.auth.is_refusal(status, message)):
            raise TokenRefused(message)
        if status == 404:
            # Airflow's errors have one of these fields.
            has_api_error = bool(self._error_detail(content, keys=("detail", "title")))
            raise NotFound(
                message, has_api_error=has_api_error, has_json_body=isinstance(_decode_or_none(content), dict)
            )
        raise Refused(message)

    def _error_detail(
        self, content: bytes, keys: Sequence[str] = ("detail", "title", "error", "message", "exception_message")
    ) -> str:
        """Return ": " and the partner's error message, shortened and without secrets. Return "" without a message."""
        body = _decode_or_none(content)
        if isinstance(body, dict) and isinstance(body.get("error"), dict) and "error" in keys:
            body = body["error"]
        if isinstance(body, dict):
            for key in keys:
                if isinstance(text := body.get(key), str) and text:
                    return f": {self._without_secrets(text)[:200]}"
        return ""

    def _failure_reason(self, error: BaseException) -> str:
        """Return why the request failed, in plain words and without the messages of packages."""
        if isinstance(error, requests.ConnectTimeout | urllib3.exceptions.ConnectTimeoutError):
            return f"no connection within {self.settings.timeout_seconds:g} s"
        if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
            return (
                f"no complete answer in time (at most {self.settings.timeout_seconds:g} s without a byte, "
                f"{self.settings.total_seconds:g} s in total)"
            )
        if isinstance(error, requests.exceptions.SSLError):
            return "the TLS certificate was not accepted"
        if isinstance(error, requests.ConnectionError):
            host = urlsplit(self.base_url).netloc.rpartition("@")[2]
            return f"cannot connect to {host}, or it closed the connection"
        return f"the answer is incomplete ({type(error).__name__})"

    def _without_secrets(self, text: str) -> str:
        """Return the text without the secrets of the connection and without texts that look like a secret."""
        for secret in self.auth.secrets:
            if secret:
                text = text.replace(secret, FILTERED)
        return scrub_text(text)


def _host(url: str) -> str | None:
    """Return the host of the URL, or None if it has none or is malformed."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _decode_or_none(content: bytes) -> Any:
    """Return the JSON value, or None if the content is not JSON or nested too deeply."""
    try:
        return decode(content)
    except (ValueError, RecursionError):
        return None


def _read_body(response: requests.Response, deadline: float) -> bytes:
    """Return the body. Raise TooLarge above the size limit, and TimeoutError after the deadline."""
    chunks: list[bytes] = []
    size = 0
    while True:
        # read1() returns the data that has arrived. read() would wait for a whole chunk, which may take hours.
        chunk = response.raw.read1(CHUNK_BYTES, decode_content=True)
        if not chunk:
            break
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise TooLarge(f"the answer is larger than {MAX_BODY_BYTES // 2**20} MB")
        chunks.append(chunk)
        if time.monotonic() > deadline:
            raise TimeoutError
    return b"".join(chunks)


def _requested_pause(status: int, headers: Mapping[str, str]) -> float | None:
    """Return the seconds of the pause that the partner asks for, or None.

    The pause is the value of Retry-After. Without Retry-After, it is the time until a used-up rate limit is reset.
    """
    after = _retry_after(headers.get("Retry-After"))
    if after is not None or status not in {403, 429} or headers.get("X-RateLimit-Remaining") != "0":
        return after
    reset = headers.get("X-RateLimit-Reset", "")
    if not reset.isdecimal():
        return None
    # float() and not int(), because a partner may send any number of digits.
    return min(max(float(reset) - datetime.now(UTC).timestamp(), 0), MAX_RETRY_AFTER_SECONDS)


def _retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header, at most MAX_RETRY_AFTER_SECONDS; None if it cannot be read.

    The header contains a number of seconds or a date (RFC 9110, 10.2.3).
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        seconds = (date - datetime.now(UTC)).total_seconds()
    # float() accepts "nan" too. min() and max() cannot limit it, because every comparison with it is false.
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0), MAX_RETRY_AFTER_SECONDS)
