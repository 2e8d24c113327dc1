"""Test that the handover and the history describe a change with labels, not with column names and stored values."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from chm_project.admin_kit.change_text import change_text
from inventory.models import Pipeline

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ([{"changed": {"fields": ["is_active"], "values": {"is_active": ["yes", "no"]}}}], "Active: yes to no"),
        (
            [{"changed": {"fields": ["platform"], "values": {"platform": ["dbt", "vendor_api"]}}}],
            "Platform: dbt to Vendor API",
        ),
        (
            [{"changed": {"fields": ["name"], "values": {"name": ["a", "b"], "description": ["", "nightly"]}}}],
            "Name: a to b; Description: blank to nightly",
        ),
        ([{"changed": {"fields": ["is_active", "external_id"]}}], "Changed: active, external id."),
        ([{"changed": {"fields": ["known failure"]}}], "Changed: known failure."),
        ([{"added": {}}], "Added."),
        (
            [{"changed": {"name": "pipeline", "object": "orders", "fields": ["Name"]}}],
            "Changed Name for pipeline “orders”.",
        ),
        ("Erased by hand.", "Erased by hand."),
    ],
)
def test_a_change_is_described_with_labels(message: Any, expected: str) -> None:
    entry = LogEntry(
        action_flag=CHANGE,
        content_type=ContentType.objects.get_for_model(Pipeline),
        change_message=message if isinstance(message, str) else json.dumps(message),
    )
    assert change_text(entry) == expected
