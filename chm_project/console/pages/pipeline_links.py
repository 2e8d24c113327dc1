"""From a shape's rows, which name client and pipeline, to rows that link to them and show their last runs."""

from collections.abc import Iterable, Sequence

from chm_project.console.drawing.strips import strips_of
from chm_project.console.pages.sections import Section
from inventory.models import Client, Pipeline
from runs.reporting.adapter import Row


def add_links(lists: Iterable[tuple[Section, Sequence[Row]]]) -> None:
    """What each list's rows need to link to, by what a row of it is about."""
    lists = list(lists)
    add_pipelines(rows for section, rows in lists if section.grain == "pipeline")
    add_clients([row for section, rows in lists if section.grain == "client" for row in rows])


def add_pipelines(lists: Iterable[Sequence[Row]]) -> None:
    """Puts `pipeline` and `strip` into every row: two queries for all lists together."""
    rows = [row for rows in lists for row in rows]
    wanted = {(row["client_name"], row["pipeline_name"]) for row in rows}
    candidates = Pipeline.objects.filter(
        client__name__in={client for client, _ in wanted}, name__in={name for _, name in wanted}
    ).select_related("client")
    found = {key: pipeline for pipeline in candidates if (key := (pipeline.client.name, pipeline.name)) in wanted}
    strips = strips_of(pipeline.pk for pipeline in found.values())
    for row in rows:
        # A name that was changed between the two queries is shown without a link.
        if pipeline := found.get((row["client_name"], row["pipeline_name"])):
            row["pipeline"], row["strip"] = pipeline, strips.get(pipeline.pk, "")


def add_clients(rows: Sequence[Row]) -> None:
    """Puts `client_id` into every row: one query."""
    ids = dict(Client.objects.filter(name__in={row["client_name"] for row in rows}).values_list("name", "pk"))
    for row in rows:
        row["client_id"] = ids.get(row["client_name"])
