"""Measure the processor time that the roll-up triggers add when CHM writes pages of 1,000 runs.

`python -m tools.bench.rollup_cost` writes each page with and without the triggers into a database of its own, and fails
if the triggers add more than 10 %. It compares the processor time of the database session, because other work of the
machine hardly changes it.
"""

import os
from uuid import UUID

import psutil

from tools.bench.ingestion import PAGE_SIZE
from tools.bench.partner import run
from tools.bench.servers import create_database, fill_inventory, manage

NAME = "chm_bench_rollup"
PAGES = 40
MAXIMUM = 1.10
KINDS = {"new runs": False, "half of them changed": True}
TRIGGERS = ("rollup_added", "rollup_changed")


def main() -> None:
    from chm_project.local.embedded import start_missing_servers

    start_missing_servers()
    url = create_database(os.environ["CHM_DATABASE_URL"], NAME)
    manage("migrate", "--verbosity", "0", CHM_DATABASE_URL=url)
    os.environ |= {"CHM_DATABASE_URL": url, "CHM_DEBUG": "0"}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    import django

    django.setup()
    [pipeline_id] = fill_inventory(url, ["pipeline_0"])
    costly = [name for name, changed in KINDS.items() if _ratio(pipeline_id, name, changed=changed) > MAXIMUM]
    if costly:
        raise SystemExit(f"above {MAXIMUM:.2f}: {', '.join(costly)}")


def _ratio(pipeline_id: UUID, name: str, *, changed: bool) -> float:
    """Return the processor time of PAGES writes with the triggers, divided by that without them; print both."""
    seconds = {True: 0.0, False: 0.0}
    for number in range(1, PAGES + 1):
        # Alternate which of the two runs first, so that the order does not affect the ratio.
        for with_triggers in (number % 2 == 0, number % 2 == 1):
            seconds[with_triggers] += _write(pipeline_id, number, changed=changed, with_triggers=with_triggers)
    ratio = seconds[True] / seconds[False]
    with_them, without = (seconds[with_triggers] / PAGES * 1000 for with_triggers in (True, False))
    print(f"{name}: {with_them:.1f} ms of PostgreSQL per page, {without:.1f} ms without triggers, ratio {ratio:.2f}")
    return ratio


def _write(pipeline_id: UUID, number: int, *, changed: bool, with_triggers: bool) -> float:
    """Write a page in a transaction that is rolled back; return the processor seconds of the database session.

    `with_triggers`: whether the triggers run. `changed`: write the page twice, and measure the second write, in which
    half of the runs have changed.
    """
    from django.db import connection, transaction

    from ingestion.connectors.base import Target
    from ingestion.connectors.generic import to_run_event
    from runs.services import PreparedRuns, prepare_runs, record_prepared

    target = Target(pipeline_id, pipeline_id, "custom", "pipeline_0", None)

    def page(numbers: range, version: int) -> PreparedRuns:
        return prepare_runs(to_run_event(target, run(0, number, version)) for number in numbers)

    first, second = (page(range(number * PAGE_SIZE, (number + 1) * PAGE_SIZE), version) for version in (0, 1))
    with transaction.atomic(), connection.cursor() as cursor:
        for trigger in () if with_triggers else TRIGGERS:
            cursor.execute(f"ALTER TABLE runs DISABLE TRIGGER {trigger}")
        # After ALTER TABLE the session plans the triggers again, which CHM's sessions do only once. So write two runs
        # before measuring.
        for version in (0, 1):
            record_prepared(page(range(2), version))
        cursor.execute("SELECT pg_backend_pid()")
        [session] = cursor.fetchone() or [0]
        if changed:
            record_prepared(first)
        begun = psutil.Process(session).cpu_times()
        record_prepared(second if changed else first)
        ended = psutil.Process(session).cpu_times()
        transaction.set_rollback(True)
    return (ended.user + ended.system) - (begun.user + begun.system)


if __name__ == "__main__":
    main()
