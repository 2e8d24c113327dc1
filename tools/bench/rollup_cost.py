"""Measure what the roll-up triggers add to the time of a write: `python -m tools.bench.rollup_cost`.

The command writes pages of 1,000 runs, each page with the triggers and without them. It compares the processor time of
the database session, and fails if the triggers add more than 10 %. (Elapsed times would depend on other processes of
the machine.) It creates the database chm_bench_rollup on the server of CHM_DATABASE_URL. Without this variable, it
creates the database on the embedded server in CHM_DATA_DIR.
"""

import argparse
import os
from uuid import UUID

import psutil

from tools.bench.ingestion import PAGE_SIZE
from tools.bench.partner import partner_run
from tools.bench.servers import create_database, fill_inventory, manage

DATABASE_NAME = "chm_bench_rollup"
PAGE_COUNT = 40
MAX_RATIO = 1.10
# The two kinds of pages that are measured. The value is the argument `half_changed` of _measure_ratio().
HALF_CHANGED_BY_TITLE = {"new runs": False, "half of them changed": True}
ROLLUP_TRIGGERS = ("rollup_added", "rollup_changed")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    from chm_project.local.embedded import start_missing_servers

    start_missing_servers()
    url = create_database(os.environ["CHM_DATABASE_URL"], DATABASE_NAME)
    manage("migrate", "--verbosity", "0", CHM_DATABASE_URL=url)
    os.environ |= {"CHM_DATABASE_URL": url, "CHM_DEBUG": "0"}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    import django

    django.setup()
    [pipeline_id] = fill_inventory(url, ["pipeline_0"])
    titles_above_limit = [
        name
        for name, half_changed in HALF_CHANGED_BY_TITLE.items()
        if _measure_ratio(pipeline_id, name, half_changed=half_changed) > MAX_RATIO
    ]
    if titles_above_limit:
        raise SystemExit(f"above {MAX_RATIO:.2f}: {', '.join(titles_above_limit)}")


def _measure_ratio(pipeline_id: UUID, name: str, *, half_changed: bool) -> float:
    """Write PAGE_COUNT pages with the triggers and without them, and print both mean processor times.

    Return the time with the triggers, divided by the time without them.
    """
    processor_seconds = {True: 0.0, False: 0.0}
    for page_number in range(1, PAGE_COUNT + 1):
        # Write even pages first with the triggers, odd pages first without them: the first write may be slower.
        for with_triggers in (page_number % 2 == 0, page_number % 2 == 1):
            processor_seconds[with_triggers] += _write_page(
                pipeline_id, page_number, half_changed=half_changed, with_triggers=with_triggers
            )
    ratio = processor_seconds[True] / processor_seconds[False]
    with_them, without = (processor_seconds[with_triggers] / PAGE_COUNT * 1000 for with_triggers in (True, False))
    print(f"{name}: {with_them:.1f} ms of PostgreSQL per page, {without:.1f} ms without triggers, ratio {ratio:.2f}")
    return ratio


def _write_page(pipeline_id: UUID, page_number: int, *, half_changed: bool, with_triggers: bool) -> float:
    """Write a page in a transaction that is rolled back; return the processor seconds of the database session.

    With `half_changed`, write the page twice. In the second write, half of the runs have changed. Measure only the
    second write.
    """
    from django.db import connection, transaction

    from ingestion.connectors.base import Target
    from ingestion.connectors.generic import to_run_event
    from runs.services import PreparedRuns, prepare_runs, record_prepared

    target = Target(pipeline_id, pipeline_id, "custom", "pipeline_0", None)

    def prepared_page(run_numbers: range, version: int) -> PreparedRuns:
        return prepare_runs(to_run_event(target, partner_run(0, run_number, version)) for run_number in run_numbers)

    page_before, page_after = (
        prepared_page(range(page_number * PAGE_SIZE, (page_number + 1) * PAGE_SIZE), version) for version in (0, 1)
    )
    with transaction.atomic(), connection.cursor() as cursor:
        for trigger in () if with_triggers else ROLLUP_TRIGGERS:
            cursor.execute(f"ALTER TABLE runs DISABLE TRIGGER {trigger}")
        # After ALTER TABLE the session plans the queries of the triggers again. Write two runs before the measurement,
        # so that it does not contain this planning.
        for version in (0, 1):
            record_prepared(prepared_page(range(2), version))
        cursor.execute("SELECT pg_backend_pid()")
        [session_pid] = cursor.fetchone() or [0]
        if half_changed:
            record_prepared(page_before)
        cpu_before = psutil.Process(session_pid).cpu_times()
        record_prepared(page_after if half_changed else page_before)
        cpu_after = psutil.Process(session_pid).cpu_times()
        transaction.set_rollback(True)
    return (cpu_after.user + cpu_after.system) - (cpu_before.user + cpu_before.system)


if __name__ == "__main__":
    main()
