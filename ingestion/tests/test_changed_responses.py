"""Partners whose responses are changed at random: an ingestion has no unexpected error, and stores no invalid text."""

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import cache

from ingestion.http import HttpSettings
from ingestion.synthetic.partner import Answer, PartnerServer, Request
from ingestion.tests.scripted_partner import WriteConnection
from ingestion.tests.support import PASSWORD_ENV, ingest
from ingestion.tests.test_long_walks import SOURCES

pytestmark = pytest.mark.django_db

DEEP_LIST: list[Any] = []
for _ in range(300):
    DEEP_LIST = [DEEP_LIST]
NEW_TEXTS = [
    "", "x", "\0", "a\0b", "\ud800", "x" * 5_000, "infinity", "-infinity", "1e999", "2026-13-45T99:99:99Z", "P1D",
    "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-11-20", "https://[", "{run_id}", "%(x)s",
]  # fmt: skip
NEW_VALUES: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e308, 10**18, 10**30, float("nan"), float("inf"), [], {}, [None], [[]], [{}],
    {"a": 1}, {"": None}, DEEP_LIST,
]  # fmt: skip
NEW_KEYS = ["", "\0", "id", "status", "x" * 300]
# With each of the last three seeds, a response has caused an unexpected error in the past.
SEEDS = (0, 1, 2, 3, 26, 27, 37)
ERROR_STATUSES = [204, 302, 400, 401, 403, 404, 409, 429, 500, 503]


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each part of a JSON value, such as ("runs", 0, "id")."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths_in(item, (*path, key))


def with_changes(body: Any, rng: random.Random) -> Any:
    """Return the body with one to three parts removed, renamed or replaced."""
    body = copy.deepcopy(body)
    for _ in range(rng.randint(1, 3)):
        path = rng.choice(list(paths_in(body)))
        if not path:
            body = rng.choice([body, body, body, *NEW_VALUES])
            continue
        container = body
        for key in path[:-1]:
            container = container[key]
        change = rng.choice(["replace", "replace", "replace", "remove", "rename"])
        if change == "replace":
            container[path[-1]] = rng.choice(rng.choice([NEW_TEXTS, NEW_VALUES]))
        elif change == "rename" and isinstance(container, dict):
            container[rng.choice(NEW_KEYS)] = container.pop(path[-1])
        else:
            del container[path[-1]]
    return body


def change_responses(partner: PartnerServer, rng: random.Random) -> None:
    """Change some of the partner's responses. The same `rng` makes the same changes."""
    unchanged_answer, share = partner.answer_or_fault, rng.choice([0.2, 0.5, 1])

    def changed_answer(request: Request) -> Answer:
        response = unchanged_answer(request)
        if rng.random() > share:
            return response
        body = with_changes(json.loads(response.encoded()), rng)
        status = response.status if rng.random() < 0.9 else rng.choice(ERROR_STATUSES)
        return Answer(status, json.dumps(body).encode(), response.headers)

    partner.answer_or_fault = changed_answer  # type: ignore[method-assign]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("source", SOURCES)
def test_an_ingestion_of_changed_responses_has_no_unexpected_error(
    source: str,
    seed: int,
    write_connection: WriteConnection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache.clear()
    monkeypatch.setenv(PASSWORD_ENV, "REDACTED" if "airflow" in source else "partner-token-1")
    with SOURCES[source](write_connection) as (partner, connection):
        if hasattr(partner, "rows"):
            partner.rows = partner.rows[:5]
        change_responses(partner, random.Random(f"{source} {seed}"))
        one_try = HttpSettings(timeout_seconds=3, max_retries=0)
        for _ in range(2):
            ingest(replace(connection, inventory_seconds=300, http_settings=one_try))

    unexpected_errors = [record.getMessage() for record in caplog.records if record.exc_info]
    assert unexpected_errors == []
