"""manage.py generate_history gives realistic rows, the same rows for the same seed, and refuses other data."""

from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from ingestion.synthetic.history import History
from inventory.models import Client, Pipeline
from runs.models import Run, Status

UNTIL = "2026-11-01T00:00:00Z"


def generate(
    *, clients: int = 3, pipelines: int = 30, runs: int = 3_000, days: int = 60, seed: int = 1, add: bool = False
) -> str:
    out = StringIO()
    options = {"clients": clients, "pipelines": pipelines, "runs": runs, "days": days, "seed": seed}
    call_command("generate_history", **options, until=datetime.fromisoformat(UNTIL), add=add, stdout=out)
    return out.getvalue()


def digest_of_rows() -> str:
    """Return a digest of all runs, and of the ids and names of all pipelines."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT md5(string_agg(r::text, '' ORDER BY id)) FROM runs AS r)"
            " || (SELECT md5(string_agg(p.id || p.name, '' ORDER BY p.id)) FROM pipelines AS p)"
        )
        return str(cursor.fetchone()[0])


def delete_everything() -> None:
    for model in (Run, Pipeline, Client):
        model.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_the_same_seed_gives_the_same_rows_and_another_seed_gives_other_rows() -> None:
    generate()
    first = digest_of_rows()
    delete_everything()
    generate()
    assert digest_of_rows() == first
    delete_everything()
    generate(seed=2)
    assert digest_of_rows() != first


@pytest.mark.django_db(transaction=True)
def test_the_history_has_the_requested_size_and_a_realistic_mix_of_statuses() -> None:
    output = generate(clients=5, pipelines=60, runs=20_000, days=120)

    assert "20000 runs" in output
    assert (Client.objects.count(), Pipeline.objects.count(), Run.objects.count()) == (5, 60, 20_000)
    until = datetime(2026, 11, 1, tzinfo=UTC)
    assert not Run.objects.filter(started_at__gt=until).exists()
    assert not Run.objects.filter(finished_at__gt=until).exists()
    assert not Run.objects.filter(created_at__gt=until).exists()
    share = {status: Run.objects.filter(status=status).count() / 20_000 for status in Status.values}
    assert 0.75 < share["success"] < 0.97
    assert 0.01 < share["failed"] < 0.2
    assert all(0 < share[status] < 0.05 for status in ("running", "canceled", "skipped"))
    assert not Run.objects.still_open().filter(finished_at__isnull=False).exists()
    assert not Run.objects.filter(status=Status.FAILED, error_message__isnull=True).exists()
    for field in ("started_at", "finished_at", "duration_seconds", "rows_processed"):
        assert Run.objects.filter(**{f"{field}__isnull": True}).exists(), field
    stored_late = Run.objects.filter(finished_at__isnull=False).extra(
        where=["created_at - finished_at > interval '1 hour'"]
    )
    assert 0.005 < stored_late.count() / 20_000 < 0.04


@pytest.mark.django_db(transaction=True)
def test_a_database_with_other_data_is_refused_without_the_option_add() -> None:
    client = Client.objects.create(name="Someone else")
    with pytest.raises(CommandError, match="has clients or runs already") as refusal:
        generate()
    assert refusal.value.returncode == 2
    assert list(Client.objects.all()) == [client]

    generate(add=True)
    assert Client.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_the_same_history_is_refused_a_second_time() -> None:
    generate()
    first = digest_of_rows()
    with pytest.raises(CommandError, match="another --seed"):
        generate(add=True)
    assert digest_of_rows() == first


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_generation_stores_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks: Callable[[History], object] = History.blocks

    def interrupted(history: History) -> object:
        yield next(iter(blocks(history)))  # type: ignore[call-overload]
        raise KeyboardInterrupt

    monkeypatch.setattr(History, "blocks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        generate()
    assert not Run.objects.exists()
    assert not Client.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_query_planner_has_statistics_after_the_generation() -> None:
    generate()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, reltuples FROM pg_class"
            " WHERE relkind = 'r' AND relname IN ('clients', 'pipelines', 'runs')"
        )
        assert dict(cursor.fetchall()) == {"clients": 3, "pipelines": 30, "runs": 3_000}


@pytest.mark.parametrize("arguments", [["--runs", "0"], ["--runs", "many"], ["--clients", "-1"], ["--days", "1.5"]])
def test_a_bad_size_is_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="is not a whole number of at least 1"):
        call_command("generate_history", *arguments)


def test_more_clients_than_pipelines_is_an_error() -> None:
    with pytest.raises(CommandError, match="Every client gets a pipeline"):
        call_command("generate_history", "--clients", "5", "--pipelines", "4")
