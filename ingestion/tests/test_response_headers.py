"""Partners with malformed or hostile response headers: each request ends with a partner error and within its limits."""

import time
from collections.abc import Iterator

import pytest

from ingestion.auth import Auth
from ingestion.errors import BadAnswer, PartnerError, Refused, Unavailable
from ingestion.http import MAX_RETRY_AFTER_SECONDS, HttpSettings, PartnerSession
from ingestion.synthetic.partner import Answer, PartnerServer, Request


class OneAnswerPartner(PartnerServer):
    """A partner that returns the same response to every request."""

    response = Answer()

    def answer(self, request: Request) -> Answer:
        return self.response


@pytest.fixture
def partner() -> Iterator[OneAnswerPartner]:
    with OneAnswerPartner() as server:
        yield server


def request_runs(partner: PartnerServer, response: Answer, *, pauses: list[float] | None = None) -> object:
    partner.faults = [response]
    settings = HttpSettings(timeout_seconds=0.2, max_retries=0)
    on_pause = (pauses if pauses is not None else []).append
    with PartnerSession(partner.base_url, auth=Auth(), settings=settings, on_pause=on_pause) as session:
        return session.get("/runs")


@pytest.mark.parametrize(
    "location", ["http://[", "//", "http://[::1", "%", "http://a:b:c", "\u00e4\u00f6", "?", "x" * 9_000]
)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_a_malformed_address_is_refused(partner: OneAnswerPartner, status: int, location: str) -> None:
    with pytest.raises(Refused, match=r"it redirects to .*; set base_url to the address of the API"):
        request_runs(partner, Answer(status, b"", {"Location": location}))


def test_the_size_limit_applies_to_the_body_of_a_redirect(partner: OneAnswerPartner) -> None:
    response = Answer(302, headers={"Location": "https://other.example/runs"}, blank_bytes=64 * 2**20)

    with pytest.raises(BadAnswer, match="larger than 32 MB"):
        request_runs(partner, response)


def test_the_time_limit_applies_to_the_body_of_a_redirect(partner: OneAnswerPartner) -> None:
    response = Answer(302, b" " * 100, {"Location": "https://other.example/runs"}, seconds_per_byte=0.1)
    began = time.monotonic()

    with pytest.raises(Unavailable, match=r"1\.2 s in total"):
        request_runs(partner, response)

    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "9" * 400},
        {"Retry-After": "inf"},
        {"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 400},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 5_000},
    ],
)
def test_a_very_long_pause_counts_as_the_longest_possible(partner: OneAnswerPartner, headers: dict[str, str]) -> None:
    pauses: list[float] = []

    with pytest.raises(Unavailable):
        request_runs(partner, Answer(429, {}, headers), pauses=pauses)

    assert pauses == [MAX_RETRY_AFTER_SECONDS]


@pytest.mark.parametrize("status", [200, 302, 401, 404, 429, 503])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Retry-After", "nan"),
        ("Retry-After", "Mon, 99 Foo 99999 99:99:99 +9999"),
        ("Retry-After", "Mon, 01 Jan 0001 00:00:00 +2359"),
        ("Retry-After", ","),
        ("X-RateLimit-Reset", "\u00b2"),
        ("Link", "<http://[>; rel=next"),
        ("Link", ';;,,<>; rel="next'),
        ("Content-Encoding", "gzip, gzip, gzip, gzip, gzip, gzip, gzip"),
        ("Content-Encoding", "br;zstd;unknown"),
        ("Content-Type", "text/plain; charset=hex"),
        ("Set-Cookie", "a=b; expires=never; domain=.example; path=\x7f"),
        ("WWW-Authenticate", "Digest realm="),
        ("Transfer-Encoding", "gzip"),
        ("Content-Type", "a\0b"),
        ("Location", "http://a\0b.example/"),
        ("X-Long", "x" * 70_000),
    ],
)
def test_a_malformed_header_causes_no_other_error_than_a_partner_error(
    partner: OneAnswerPartner, status: int, name: str, value: str
) -> None:
    headers = {"X-RateLimit-Remaining": "0", "Location": "/elsewhere", name: value}
    try:
        result = request_runs(partner, Answer(status, {"runs": []}, headers))
    except PartnerError as error:
        result = str(error)

    assert result == {"runs": []} or str(result).startswith("GET /runs ")
    assert "\0" not in str(result), "PostgreSQL cannot store this error"
