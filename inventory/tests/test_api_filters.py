"""The API can filter by every column of the inventory, except for columns that are listed here with a reason."""

import pytest
from django.db.models import Model

from chm_project.api.filter_bases import FilterSet
from inventory.api.filters import ClientFilter, PipelineFilter
from inventory.models import Client, Pipeline

NOT_FILTERABLE = {
    "id": "an object has its own URL",
    "created_at": "a list can be ordered by it",
    "updated_at": "a list can be ordered by it",
    "description": "free text",
    "ingested_through": "set by CHM; the report ingestion_health uses it",
    "ingest_due_at": "set by CHM",
    "last_ingest_at": "set by CHM",
    "last_ingest_error": "set by CHM",
    "source_paused": "set by CHM; the report late_pipelines uses it",
    "source_next_run_at": "set by CHM; the report late_pipelines uses it",
    "source_missing_since": "set by CHM; the page Connections lists missing pipelines",
    "source_url": "a link",
    "source_url_template": "a link",
    "pruned_before": "set by CHM",
    "known_reason": "set by a user who marks a failure as known",
    "known_ticket_url": "set by a user who marks a failure as known",
    "known_until": "set by a user who marks a failure as known",
    "known_run_id": "set by CHM",
    "known_fingerprint": "set by CHM",
    "known_since": "set by CHM",
}


@pytest.mark.parametrize(("model", "filterset"), [(Client, ClientFilter), (Pipeline, PipelineFilter)])
def test_every_field_is_filterable_or_listed_with_a_reason(model: type[Model], filterset: type[FilterSet]) -> None:
    columns = {field.attname for field in model._meta.concrete_fields}

    assert columns - set(NOT_FILTERABLE) == set(filterset.base_filters) - {"include_inactive", "search"}
