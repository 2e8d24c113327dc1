"""Template tags and filters of the console: times, durations, statuses, links and notices."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alerting.models import AlertRule
from chm_project.access.my_clients import ALL_CLIENTS, CLIENTS_PARAMETER
from chm_project.admin_kit.badges import badge, status_badge
from chm_project.admin_kit.change_text import change_text, changed_fields
from chm_project.console.drawing import text_format
from chm_project.console.pages.rule_preview import Preview, previews_of
from chm_project.settings.version import VERSION
from inventory.maintenance_file import maintenance_file
from inventory.models import Environment, Pipeline, Platform
from runs.models import Status
from runs.reporting.run_shapes import Row

register = template.Library()
register.filter("duration", text_format.duration)
register.filter("first_line", text_format.first_line)
register.filter("percent", text_format.percent)
register.filter("duration_of_minutes", text_format.duration_of_minutes)
register.filter("rounded", text_format.rounded)
register.filter("changed_fields", changed_fields)
register.filter("change_text", change_text)
register.simple_tag(text_format.time_html, name="when")
register.simple_tag(status_badge, name="status")
register.simple_tag(badge, name="badge")

LABELS: dict[str, str] = {**dict(Platform.choices), **dict(Environment.choices)}
# Names of connectors for which connector_label() cannot derive the name from the key.
CONNECTOR_LABELS = {
    "azure_data_factory": "Azure Data Factory",
    "cursor_api": "Cursor API",
    "dbt_cloud": "dbt Cloud",
    "github_actions": "GitHub Actions",
}


@register.simple_tag
def chm_version() -> str:
    return VERSION


@register.filter
def label(value: str) -> str:
    """Return the label of a platform or an environment: "Vendor API" for vendor_api."""
    return LABELS[value]


@register.simple_tag
def platform(value: str) -> str:
    """Return the platform's label."""
    return str(Platform(value).label)


@register.filter
def connector_label(connector: str) -> str:
    """Return the name of a connector for users: "dbt Cloud" for dbt_cloud, "Airflow" for airflow."""
    return CONNECTOR_LABELS.get(connector) or connector.replace("_", " ").capitalize()


@register.filter
def with_spaces(value: str) -> str:
    """Return the value with spaces: "newly failing" for newly_failing."""
    return value.replace("_", " ")


@register.filter
def minus(number: int, other: int) -> int:
    return number - other


@register.simple_tag
def status_since_failure(row: Row) -> SafeString:
    """Return a badge for what happened after the failure in a row of failing_now.

    It shows "retrying" if a run is open, else the status of the latest run. Return a dash if the latest run failed.
    """
    if row["retrying"]:
        return badge("running", "retrying")
    if row["latest_status"] == Status.FAILED:
        return format_html('<span class="chm-subtle">{}</span>', "–")
    return status_badge(row["latest_status"])


@register.simple_tag
def time_between(since: datetime, until: datetime) -> str:
    return text_format.duration((until - since).total_seconds())


@register.simple_tag
def ingestion_state(pipeline: Pipeline, as_of: datetime, latest: object = None) -> SafeString:
    """Return the state of the pipeline's ingestion. `latest` is its latest run; None or "" if it has no run."""
    match pipeline.ingestion_state(as_of, has_runs=bool(latest)):
        case "none":
            return format_html('<span class="chm-subtle">{}</span>', "not ingested")
        case "pushed":
            return format_html('<span class="chm-subtle">{}</span>', "pushed, not read from a source")
        case "missing":
            return format_html(
                "{} since {}", badge("failed", "missing"), text_format.time_html(pipeline.source_missing_since)
            )
        case "walk failed":
            return badge("failed", "not readable")
        case "not yet":
            return badge("none", "not yet")
        case "stale":
            return format_html("{} since {}", badge("warning", "stale"), text_format.time_html(pipeline.ingest_due_at))
        case "ok":
            return badge("success", "OK")
        case other:
            raise ValueError(f"Unknown state of ingestion: {other}")


@register.simple_tag
def maintenance_file_notice() -> SafeString | str:
    """Return a notice if the maintenance file has faults, else "". The log and `chm check-config` list them."""
    fault_count = len(maintenance_file().faults)
    if not fault_count:
        return ""
    return format_html(
        '<p class="chm-note" role="status" id="maintenance-faults">The file of planned maintenance and owners has {} '
        'fault{}, so CHM ignores it. <span class="chm-code">chm check-config</span> lists them.</p>',
        fault_count,
        "" if fault_count == 1 else "s",
    )


@register.simple_tag
def querystring_of(**parameters: object) -> str:
    """Return "?name=value&..." with encoded values, each shortened to 100 characters."""
    return "?" + urlencode({name: str(value)[:100] for name, value in parameters.items()})


@register.simple_tag
def all_clients_query(changelist: Any) -> str:
    """Return the query string of the same list for all clients."""
    return str(changelist.get_query_string({CLIENTS_PARAMETER: ALL_CLIENTS}))


@register.simple_tag
def my_clients_query(changelist: Any) -> str:
    """Return the query string of the same list for the user's own clients."""
    return str(changelist.get_query_string(remove=[CLIENTS_PARAMETER]))


@register.simple_tag
def rule_preview(rule: AlertRule) -> Preview:
    """Return how often the rule would have fired in the past, and when."""
    [preview] = previews_of([rule], timezone.now())
    return preview
