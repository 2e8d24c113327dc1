"""For a random JSON body, the API creates an object or returns an error with details, never an internal error."""

import json
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from chm_project.tests.api import ROOT, api_with_scope, field_errors, post_json
from inventory.tests.factories import PipelineFactory

pytestmark = pytest.mark.django_db

texts = st.one_of(
    st.text(max_size=20),
    st.text(st.characters(), max_size=3),  # including lone surrogates and null characters
    st.sampled_from(["", " ", "\0", "\ud800", "x" * 256, "success", "airflow", "ingestion", "2026-03-01T10:00:00Z"]),
    st.datetimes().map(str),
)
scalars = st.none() | st.booleans() | st.integers() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
FIELDS: dict[str, list[str]] = {
    "clients": ["name", "is_active", "id"],
    "clients/{client}/pipelines": [
        "name", "platform", "external_id", "pipeline_type", "description", "environment", "is_active", "client_id",
    ],
    "pipelines/{pipeline}/runs": [
        "external_run_id", "status", "started_at", "finished_at", "duration_seconds", "rows_processed",
        "error_message", "status_reason", "payload", "event_at",
    ],
}  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, Any]:
    path = draw(st.sampled_from(list(FIELDS)))
    known_fields = st.dictionaries(st.sampled_from(FIELDS[path]), values, max_size=len(FIELDS[path]))
    valid_values = {"status": "success", "name": draw(st.uuids()).hex, "platform": "dbt", "pipeline_type": "export"}
    valid_body = {field: value for field, value in valid_values.items() if field in FIELDS[path]}
    return path, draw(st.one_of(values, known_fields, known_fields.map(lambda fields: valid_body | fields)))


@pytest.mark.proves("SC-005")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request=requests())
def test_no_body_causes_an_internal_error(
    api_and_ids: tuple[APIClient, dict[str, Any]], request: tuple[str, Any]
) -> None:
    api, ids = api_and_ids
    path, body = request

    with transaction.atomic():
        response = post_json(api, f"{ROOT}/{path.format(**ids)}", body)
        transaction.set_rollback(True)

    if response.status_code == 201:
        stored = response.json()
        # The stored values equal the sent values. Times can have another format, and the scrubber can change texts.
        may_differ = {"started_at", "finished_at", "payload", "error_message", "status_reason", "external_run_id"}
        sent = {field: value for field, value in body.items() if field not in may_differ and value is not None}
        assert sent.items() <= stored.items(), json.dumps(stored)
    else:
        field_errors(response)


@pytest.fixture
def api_and_ids() -> tuple[APIClient, dict[str, Any]]:
    pipeline = PipelineFactory.create()
    return api_with_scope("write"), {"client": pipeline.client_id, "pipeline": pipeline.pk}
