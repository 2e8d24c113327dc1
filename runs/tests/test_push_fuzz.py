"""Push recorded events and files with wrong values.

The API stores or refuses them, and never returns a server error.
"""

import copy
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from chm_project.api.tests.test_api_fuzz import values
from chm_project.tests.api import ROOT, api_with_scope, field_errors, post_json
from inventory.tests.factories import PipelineFactory
from runs.tests.test_push_dbt import SUCCESSFUL_BUILD, recorded
from runs.tests.test_push_recordings import RECORDINGS, api_with_pipelines
from runs.tests.test_push_recordings import recorded as recorded_events

pytestmark = pytest.mark.django_db

SAMPLED_EVENTS = [event for path in RECORDINGS for event in recorded_events(path)][::7]


@st.composite
def with_wrong_values(draw: st.DrawFn, bodies: list[Any]) -> Any:
    """Draw one of the bodies with up to three of its values replaced or removed."""
    body = copy.deepcopy(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(1, 3))):
        node = body
        while node:
            key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            if isinstance(node[key], dict | list) and node[key] and draw(st.integers(0, 3)):
                node = node[key]
                continue
            if draw(st.booleans()):
                node[key] = draw(values)
            else:
                del node[key]
            break
    return body


def assert_accepted_or_refused(answer: Any, *, accepted: set[int]) -> None:
    if answer.status_code not in accepted:
        assert field_errors(answer)


def test_no_invalid_event_makes_the_server_fail() -> None:
    api = api_with_pipelines(SAMPLED_EVENTS)

    @settings(deadline=None, max_examples=300, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(with_wrong_values(SAMPLED_EVENTS), min_size=1, max_size=3), st.booleans())
    def check(events: list[Any], is_single: bool) -> None:
        with transaction.atomic():
            assert_accepted_or_refused(
                post_json(api, f"{ROOT}/lineage", events[0] if is_single else events), accepted={201}
            )
            transaction.set_rollback(True)

    check()


def test_no_invalid_file_makes_the_server_fail() -> None:
    pipeline = PipelineFactory.create()
    api: APIClient = api_with_scope("ingest", pipeline_id=pipeline.pk)
    files = [
        recorded(SUCCESSFUL_BUILD),
        {"run_results": recorded(SUCCESSFUL_BUILD), "manifest": {"metadata": {}, "nodes": {"a": {}}}},
    ]

    @settings(deadline=None, max_examples=200, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(with_wrong_values(files))
    def check(data: Any) -> None:
        with transaction.atomic():
            assert_accepted_or_refused(
                post_json(api, f"{ROOT}/pipelines/{pipeline.pk}/dbt_run_results", data), accepted={200, 201}
            )
            transaction.set_rollback(True)

    check()
