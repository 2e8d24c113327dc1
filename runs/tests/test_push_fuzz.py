"""Whatever is put into a recorded event or file, the answer is an outcome or an explanation, never a failure."""

import copy
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from chm_project.api.tests.test_api_fuzz import values
from chm_project.tests.api import ROOT, invalid, post_json, program
from inventory.tests.factories import PipelineFactory
from runs.tests.test_push_dbt import OK, recorded
from runs.tests.test_push_recordings import RECORDINGS, made_for
from runs.tests.test_push_recordings import recorded as recorded_events

pytestmark = pytest.mark.django_db

EVENTS = [event for path in RECORDINGS for event in recorded_events(path)][::7]


@st.composite
def spoiled(draw: st.DrawFn, bodies: list[Any]) -> Any:
    """One of the bodies with up to three of its values replaced, or left out."""
    body = copy.deepcopy(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(1, 3))):
        place = body
        while place:
            key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 3)):
                place = place[key]
                continue
            if draw(st.booleans()):
                place[key] = draw(values)
            else:
                del place[key]
            break
    return body


def judged(answer: Any, *, accepted: set[int]) -> None:
    if answer.status_code not in accepted:
        assert invalid(answer)


def test_no_event_makes_the_server_fail() -> None:
    api = made_for(EVENTS)

    @settings(deadline=None, max_examples=300, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(spoiled(EVENTS), min_size=1, max_size=3), st.booleans())
    def check(events: list[Any], alone: bool) -> None:
        with transaction.atomic():
            judged(post_json(api, f"{ROOT}/lineage", events[0] if alone else events), accepted={201})
            transaction.set_rollback(True)

    check()


def test_no_file_makes_the_server_fail() -> None:
    pipeline = PipelineFactory.create()
    api: APIClient = program("ingest", pipeline_id=pipeline.pk)
    files = [recorded(OK), {"run_results": recorded(OK), "manifest": {"metadata": {}, "nodes": {"a": {}}}}]

    @settings(deadline=None, max_examples=200, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(spoiled(files))
    def check(data: Any) -> None:
        with transaction.atomic():
            judged(post_json(api, f"{ROOT}/pipelines/{pipeline.pk}/dbt_run_results", data), accepted={200, 201})
            transaction.set_rollback(True)

    check()
