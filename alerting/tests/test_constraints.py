"""Insert invalid alert rules by SQL. A named constraint refuses each of them."""

import pytest

from chm_project.tests.sql_rows import insert, insert_client, insert_pipeline, violated_constraint

pytestmark = pytest.mark.django_db


@pytest.mark.proves("DI-007", "FR-009")
def test_a_rule_needs_a_client_or_a_pipeline() -> None:
    assert violated_constraint("alert_rules") == "alert_rules_scope_required"


@pytest.mark.proves("DI-005", "FR-010")
@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"rule_type": "sometimes"}, "alert_rules_rule_type_valid"),
        ({"channel": "pager"}, "alert_rules_channel_valid"),
        ({"threshold": 0}, "alert_rules_threshold_positive"),
        ({"destination": "ops"}, "alert_rules_destination_fits_channel"),
        ({"channel": "webhook"}, "alert_rules_destination_fits_channel"),
        ({"channel": "email"}, "alert_rules_destination_fits_channel"),
        ({"window_minutes": -5}, "alert_rules_window_minutes_positive"),
        ({"rule_type": "failures_in_window", "threshold": 3}, "alert_rules_window_rule_complete"),
        ({"rule_type": "failures_in_window", "window_minutes": 60}, "alert_rules_window_rule_complete"),
    ],
)
def test_a_rule_with_an_invalid_value_is_refused(values: dict[str, object], constraint: str) -> None:
    client = insert_client()
    assert violated_constraint("alert_rules", client_id=client, **values) == constraint


@pytest.mark.proves("FR-009", "FR-010")
def test_valid_rules_of_both_types_are_accepted() -> None:
    client = insert_client()
    pipeline = insert_pipeline(client)
    insert("alert_rules", client_id=client)
    insert("alert_rules", pipeline_id=pipeline, threshold=1, window_minutes=1)
    insert("alert_rules", client_id=client, rule_type="failures_in_window", threshold=3, window_minutes=60)


@pytest.mark.proves("DI-008")
def test_two_enabled_rules_cannot_have_the_same_scope_type_channel_and_destination() -> None:
    client = insert_client()
    pipeline = insert_pipeline(client)
    insert("alert_rules", pipeline_id=pipeline)

    # The pipeline decides the scope. So a rule with the same pipeline and a client has the same scope.
    constraint = violated_constraint("alert_rules", pipeline_id=pipeline, client_id=client)

    assert constraint == "alert_rules_enabled_unique"
    insert("alert_rules", pipeline_id=pipeline, is_enabled=False)
    insert("alert_rules", client_id=client)
    insert("alert_rules", pipeline_id=pipeline, destination="#other")
