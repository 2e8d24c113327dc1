"""The record of an outage: its log messages, and how often a connection is tried."""

import psycopg
import pytest

from chm_project.db.outage import PROBE_SECONDS, Outage
from chm_project.db.postgresql.connection import LimitedConnection, ReplicaConnection


@pytest.mark.parametrize(
    ("connection_class", "server", "effect"),
    [
        (LimitedConnection, "database", "requests are refused"),
        (ReplicaConnection, "replica", "reports read the database"),
    ],
)
def test_the_log_names_the_server_and_the_effect_once_per_outage(
    connection_class: type[LimitedConnection], server: str, effect: str, caplog: pytest.LogCaptureFixture
) -> None:
    outage = connection_class.outage
    try:
        outage.record()
        outage.record()
    finally:
        outage.probe(lambda: None)

    assert [record.getMessage() for record in caplog.records] == [
        f"the {server} does not answer; {effect} until it does",
        f"the {server} answers again",
    ]


def test_during_an_outage_a_connection_is_tried_only_when_a_probe_is_due() -> None:
    now, attempts = 0.0, 0
    outage = Outage(lambda: now)

    def connect() -> None:
        nonlocal attempts
        attempts += 1
        raise psycopg.OperationalError

    outage.record()
    for now in (0.1, 0.2, PROBE_SECONDS, PROBE_SECONDS + 0.1):  # noqa: B007  # the clock of the outage reads it
        with pytest.raises(psycopg.OperationalError):
            outage.refuse_while_down(connect)

    assert attempts == 1
