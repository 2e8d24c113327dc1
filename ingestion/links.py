"""Links to the source: the address of a pipeline's page, and the template of its runs' pages.

A connector builds them from the partner's user interface, or from the connection's `ui_url`.
The template keeps {run_id}; the SQL function run_source_url inserts the percent-encoded external_run_id.
"""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote

RUN_ID, EXTERNAL_ID = "{run_id}", "{external_id}"


@dataclass(frozen=True, slots=True)
class Links:
    """The URLs for one pipeline; None if the source has no such page or it is unknown."""

    pipeline: str | None = None
    runs: str | None = None


def expanded(templates: Links, external_ids: Collection[str]) -> dict[str, Links]:
    """Return the links of each pipeline, with its percent-encoded external id inserted."""
    return {
        external_id: Links(_inserted(templates.pipeline, external_id), _inserted(templates.runs, external_id))
        for external_id in external_ids
    }


def _inserted(template: str | None, external_id: str) -> str | None:
    return template and template.replace(EXTERNAL_ID, quote(external_id, safe=""))


def templates(ui_url: str) -> Links:
    """Return the links for a template of run pages.

    The pipeline's page is the part of the template that ends with its external id; None if no part does.
    """
    before, found, rest = ui_url.partition(EXTERNAL_ID)
    ends = found and rest[:1] in {"/", "?", "#", "&"} and RUN_ID not in before
    return Links(pipeline=before + found if ends else None, runs=ui_url)


def is_template(ui_url: str) -> bool:
    return RUN_ID in ui_url or EXTERNAL_ID in ui_url
