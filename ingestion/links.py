"""Links to the source: the URL of a pipeline's page, and a URL template for the pages of its runs.

If the connection's `ui_url` is a template, CHM builds the links from this template. Otherwise the connector builds the
links. The stored URL template of a pipeline still contains {run_id}. When a run is read, the SQL function
run_source_url replaces {run_id} by the percent-encoded external_run_id.
"""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote

RUN_ID, EXTERNAL_ID = "{run_id}", "{external_id}"


@dataclass(frozen=True, slots=True)
class LinkTemplates:
    """URL templates for all pipelines of a source; None if there is no such page.

    Both templates may contain {external_id}. The template of run pages contains {run_id}.
    """

    pipeline_page: str | None = None
    run_page: str | None = None


@dataclass(frozen=True, slots=True)
class Links:
    """The URL of a pipeline's page and the URL template of its runs' pages; None if there is no such page."""

    pipeline_url: str | None = None
    run_url_template: str | None = None


def expand_links(templates: LinkTemplates, external_ids: Collection[str]) -> dict[str, Links]:
    """Return the links of each pipeline by external id, with the percent-encoded id inserted."""
    return {
        external_id: Links(_insert(templates.pipeline_page, external_id), _insert(templates.run_page, external_id))
        for external_id in external_ids
    }


def _insert(template: str | None, external_id: str) -> str | None:
    return template and template.replace(EXTERNAL_ID, quote(external_id, safe=""))


def link_templates(ui_url: str) -> LinkTemplates:
    """Return the templates for a `ui_url` that is a template of run pages.

    The URL of the pipeline's page is the part up to {external_id}, or None if that part is not the URL of a page.
    """
    before, placeholder, after = ui_url.partition(EXTERNAL_ID)
    # A delimiter must follow: in /jobs/{external_id}-runs/{run_id} the part /jobs/{external_id} is not a page.
    is_page = placeholder and after[:1] in {"/", "?", "#", "&"} and RUN_ID not in before
    return LinkTemplates(pipeline_page=before + placeholder if is_page else None, run_page=ui_url)


def is_template(ui_url: str) -> bool:
    """Return whether the `ui_url` contains a placeholder."""
    return RUN_ID in ui_url or EXTERNAL_ID in ui_url
