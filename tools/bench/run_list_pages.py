"""python -m tools.bench.run_list_pages URL: measure the pages of the console's list of runs.

URL is the address of a database. The command creates the client "a client without runs" and the superuser "bench" in
this database, and leaves them there. The command fails if the median time of a page is more than 300 ms.
"""

import argparse
import os
import statistics
import time
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table

MAX_MEDIAN_MS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="a database filled by generate_history")
    parser.add_argument("--times", type=int, default=5, help="requests for each page (default: %(default)s)")
    options = parser.parse_args()
    os.environ |= {"CHM_DATABASE_URL": options.url, "CHM_DEBUG": "0"}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.test")
    import django
    from django.test.utils import setup_test_environment

    django.setup()
    # After this call, a response of Django's test client has the attribute `context`. measure() reads the rows from it.
    setup_test_environment(debug=False)
    table = Table("page", "rows", "median ms", "slowest ms", title=f"{run_count():,} runs")
    largest_median_ms = 0.0
    for page_name, query_string in page_names_and_queries():
        times_ms, row_count = measure(query_string, options.times)
        largest_median_ms = max(largest_median_ms, statistics.median(times_ms))
        table.add_row(page_name, str(row_count), f"{statistics.median(times_ms):.0f}", f"{max(times_ms):.0f}")
    Console(width=140).print(table)
    raise SystemExit(largest_median_ms > MAX_MEDIAN_MS)


def run_count() -> int:
    from runs.models import Run

    return Run.objects.count()


def page_names_and_queries() -> list[tuple[str, str]]:
    """Return the name and the query string of each measured page."""
    from datetime import timedelta

    from inventory.models import Client, Environment, Platform
    from runs.models import Run, Status

    newest, oldest = Run.objects.order_by("-event_at").first(), Run.objects.order_by("event_at").first()
    assert newest
    assert oldest
    middle = newest.event_at - (newest.event_at - oldest.event_at) / 2
    week = (middle.date(), (middle + timedelta(days=7)).date())
    client = Client.objects.filter(pipelines__runs__isnull=False).first()
    assert client
    client_filter, pipeline_filter = (
        f"pipeline__client__id__exact={client.pk}",
        f"pipeline__id__exact={newest.pipeline_id}",
    )
    # The worst case for a query that reads the runs in the order of time: it reads all runs and finds none of this
    # client (decision 0006).
    client_without_runs = Client.objects.get_or_create(name="a client without runs")[0]
    return [
        ("first page", ""),
        ("page of runs older than the middle of the history", f"older_than={quote(middle.isoformat())}_{newest.pk}"),
        ("last page", f"older_than={quote(oldest.event_at.isoformat())}_{newest.pk}"),
        ("a week in the middle", f"since={week[0]}&until={week[1]}"),
        *((f"status {status}", f"status__exact={status}") for status in Status.values),
        *((f"platform {platform}", f"pipeline__platform__exact={platform}") for platform in Platform.values),
        ("running, dev", f"status__exact=running&pipeline__environment__exact={Environment.DEV}"),
        ("skipped, cron, dev", "status__exact=skipped&pipeline__platform__exact=cron&pipeline__environment__exact=dev"),
        ("one client", client_filter),
        ("one client, failed", f"{client_filter}&status__exact=failed"),
        ("one client, skipped", f"{client_filter}&status__exact=skipped"),
        ("a client without runs", f"pipeline__client__id__exact={client_without_runs.pk}"),
        ("one pipeline", pipeline_filter),
        ("one pipeline, skipped", f"{pipeline_filter}&status__exact=skipped"),
        ("search, whole id", f"q={newest.external_run_id}"),
        ("search, first letters", f"q={newest.external_run_id[:6]}"),
        ("search, one letter", f"q={newest.external_run_id[:1]}"),
        ("search, nothing", "q=nothing-begins-like-this"),
        ("search, one pipeline's name", f"q={quote(newest.pipeline.name)}"),
        ("search, a word of many pipelines", f"q={quote(newest.pipeline.name.split()[-1])}"),
        ("search, a word of error texts", "q=timed+out"),
        ("search in the middle of history", f"q=timed+out&until={middle.date()}"),
        ("oldest first", "sort=time"),
        ("longest first", "sort=-duration"),
        ("fewest rows, failed", "sort=rows&status__exact=failed"),
        ("longest of one client", f"sort=-duration&{client_filter}"),
    ]


def measure(query_string: str, request_count: int) -> tuple[list[float], int]:
    """Return the milliseconds of each request for a page, and the page's number of rows."""
    from django.contrib.auth.models import User
    from django.test import Client as Browser

    browser = Browser()
    browser.force_login(User.objects.filter(username="bench").first() or User.objects.create_superuser("bench"))
    times_ms: list[float] = []
    response: Any = None
    for _ in range(request_count):
        started = time.perf_counter()
        response = browser.get(f"/admin/runs/run/?{query_string}")
        times_ms.append((time.perf_counter() - started) * 1000)
        if response.status_code != 200:
            raise SystemExit(f"{query_string}: {response.status_code}")
    return times_ms, len(response.context["cl"].result_list)


if __name__ == "__main__":
    main()
