"""The rate limit of a connection: its requests per second, and the pauses that the partner asks for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ingestion.auth import Auth
from ingestion.errors import Unavailable
from ingestion.http import MAX_RETRY_AFTER_SECONDS, HttpSettings, PartnerSession
from ingestion.synthetic.partner import Answer, PartnerServer, Request


@dataclass
class FakeTime:
    """A clock that moves only by sleep()."""

    now: float = 1_000
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class SucceedingPartner(PartnerServer):
    def answer(self, request: Request) -> Answer:
        return Answer(body={"ok": True})


@pytest.fixture
def partner() -> Any:
    with SucceedingPartner() as server:
        yield server


def session(
    partner: PartnerServer,
    time: FakeTime,
    pause_seconds: float = 0,
    on_pause: Callable[[float], None] = lambda seconds: None,
    **settings: Any,
) -> PartnerSession:
    return PartnerSession(
        partner.base_url,
        auth=Auth(),
        pause_seconds=pause_seconds,
        on_pause=on_pause,
        settings=HttpSettings(timeout_seconds=2, **settings),
        sleep=time.sleep,
        clock=lambda: time.now,
    )


def test_requests_above_the_limit_of_the_first_second_wait(partner: SucceedingPartner) -> None:
    time = FakeTime()
    with session(partner, time, requests_per_second=5) as partner_session:
        for _ in range(25):
            partner_session.get("/runs")
    assert len(partner.requests) == 25
    assert sum(time.slept) == pytest.approx(4)  # 5 requests at once, then 20 at 5 per second


def test_a_limit_of_less_than_one_request_per_second_works(partner: SucceedingPartner) -> None:
    time = FakeTime()
    with session(partner, time, requests_per_second=0.1) as partner_session:
        for _ in range(3):
            partner_session.get("/runs")
    assert sum(time.slept) == pytest.approx(20)


def test_unused_requests_of_earlier_seconds_cannot_be_sent_later(partner: SucceedingPartner) -> None:
    time = FakeTime()
    with session(partner, time, requests_per_second=2) as partner_session:
        time.now += 3_600
        for _ in range(6):
            partner_session.get("/runs")
    assert sum(time.slept) == pytest.approx(2)


def test_no_request_waits_without_a_limit(partner: SucceedingPartner) -> None:
    time = FakeTime()
    with session(partner, time) as partner_session:
        for _ in range(50):
            partner_session.get("/runs")
    assert time.slept == []


def test_a_retry_after_header_also_delays_the_next_pipeline(partner: SucceedingPartner) -> None:
    time = FakeTime()
    partner.faults = [Answer(429, headers={"Retry-After": "30"})]
    with session(partner, time, max_retries=0) as partner_session:
        with pytest.raises(Unavailable):
            partner_session.get("/pipelines/one/runs")
        assert time.slept == []
        partner_session.get("/pipelines/two/runs")
        assert time.slept == [30]
        partner_session.get("/pipelines/three/runs")
        assert time.slept == [30], "only the first request after the pause waits"


def test_a_retry_waits_for_the_seconds_of_retry_after(partner: SucceedingPartner) -> None:
    time = FakeTime()
    partner.faults = [Answer(503, headers={"Retry-After": "7"}), Answer(429, headers={"Retry-After": "60"})]
    with session(partner, time) as partner_session:
        partner_session.get("/runs")
    assert sum(time.slept) == 7 + 60
    assert len(partner.requests) == 3


def test_a_long_retry_after_is_reported_and_the_worker_does_not_wait(partner: SucceedingPartner) -> None:
    time, pauses = FakeTime(), list[float]()
    partner.faults = [Answer(429, headers={"Retry-After": "999999"})]
    with (
        session(partner, time, on_pause=pauses.append) as partner_session,
        pytest.raises(Unavailable, match="asked for a pause"),
    ):
        partner_session.get("/runs")

    assert (pauses, sum(time.slept), len(partner.requests)) == ([MAX_RETRY_AFTER_SECONDS], 0, 1)


def test_requests_wait_for_the_remaining_time_of_an_earlier_pause(partner: SucceedingPartner) -> None:
    time = FakeTime()
    with session(partner, time, pause_seconds=20) as partner_session:
        partner_session.get("/runs")
    with (
        session(partner, time, pause_seconds=800) as partner_session,
        pytest.raises(Unavailable, match="800 s of it remain"),
    ):
        partner_session.get("/runs")

    assert (time.slept, len(partner.requests)) == ([20], 1)


def test_all_requests_of_a_session_use_one_tcp_connection(partner: SucceedingPartner) -> None:
    connections: list[Any] = []
    accept = partner._server.get_request
    partner._server.get_request = lambda: connections.append(1) or accept()  # type: ignore[method-assign, func-returns-value]
    with session(partner, FakeTime()) as partner_session:
        for _ in range(20):
            partner_session.get("/runs")
    assert len(connections) == 1
