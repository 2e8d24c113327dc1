"""Each shape returns the rows that were calculated by hand for the controlled seed: in Python, API, CSV and SQL."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from chm_project.access.models import Scope
from chm_project.db.reporting.files import parse_shape
from chm_project.tests.api import ROOT, api_as_role, api_with_scope, assert_error
from chm_project.tests.controlled_seed import AS_OF, create_seed
from chm_project.tests.expected_shapes import EXPECTED_ROWS, expected_rows
from chm_project.tests.reporting_role import query_as_reporting_role
from inventory.models import Client
from inventory.tests.factories import PipelineFactory
from runs.api.reports import columns_of
from runs.events import MAX_BIGINT
from runs.models import Run
from runs.reporting.parameters import validated
from runs.reporting.run_shapes import InvalidParameters, run_shape
from runs.reporting.shapes import shapes
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

SHAPE_NAMES = sorted(EXPECTED_ROWS)


@pytest.fixture
def seed() -> None:
    create_seed()


def json_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value if value is None or isinstance(value, int | float | str) else str(value)


def csv_cell(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_every_shape_has_expected_rows() -> None:
    assert sorted(shapes()) == SHAPE_NAMES


@pytest.mark.proves("FR-017", "OB-001", "OB-002", "OB-003", "OB-004", "OB-005", "OB-006")
@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_run_shape_returns_the_rows_calculated_by_hand(seed: None, name: str) -> None:
    rows = run_shape(name, as_of=AS_OF)

    assert [tuple(row.values()) for row in rows] == expected_rows(name)
    assert all(list(row) == [column.name for column in shapes()[name].columns] for row in rows)


@pytest.mark.proves("FR-017", "SC-004")
@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_the_api_returns_the_same_rows_as_json_and_csv(seed: None, name: str) -> None:
    api, path = api_with_scope("read"), f"{ROOT}/reports/{name}?as_of=2026-06-17T12:00:00Z"

    response = api.get(path)
    csv_response = api.get(path, headers={"accept": "text/csv"})

    # Without a maintenance file, the columns about maintenance are empty; test_planned_maintenance.py covers them.
    empty_notes = (None,) * (len(columns_of(shapes()[name])) - len(shapes()[name].columns))
    expected = [tuple(json_value(value) for value in (*row, *empty_notes)) for row in expected_rows(name)]
    assert response.status_code == 200
    assert [tuple(row.values()) for row in response.json()["items"]] == expected
    assert csv_response["Content-Type"] == "text/csv; charset=utf-8"
    header, *lines = csv.reader(io.StringIO(csv_response.getvalue().decode()))
    assert header == [column.name for column in columns_of(shapes()[name])]
    assert lines == [[csv_cell(value) for value in row] for row in expected]


@pytest.mark.proves("FR-017", "SC-004")
@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_the_sql_returns_the_same_rows_to_the_reporting_role(seed: None, name: str) -> None:
    rows = query_as_reporting_role(shapes()[name].sql, validated(shapes()[name].parameters, {"as_of": AS_OF}))

    assert [tuple(row.values()) for row in rows] == expected_rows(name)


@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_filters_exclude_all_other_rows(seed: None, name: str) -> None:
    delta = Client.objects.get(name="Delta")
    PipelineFactory.create(client=delta, platform="cron", environment="prod")
    rows = run_shape(name, as_of=AS_OF, client_id=delta.pk, platform="cron", environment="dev")

    if name == "vendor_dependency":
        assert [row["runs_30d"] for row in rows] == [0, 0]
    elif name == "failure_counts_by_client":
        assert [(row["client_name"], row["failed_7d"]) for row in rows] == [("Delta", 0)]
    else:
        assert rows == []


def test_the_rows_of_all_clients_add_up_to_the_rows_without_a_filter(seed: None) -> None:
    all_rows = run_shape("failures_over_time", as_of=AS_OF)
    rows_of_clients = [
        row
        for client in Client.objects.all()
        for row in run_shape("failures_over_time", as_of=AS_OF, client_id=str(client.pk))
    ]
    assert sum(row["failed_runs"] for row in all_rows) == sum(row["failed_runs"] for row in rows_of_clients) == 9
    assert [row["platform"] for row in run_shape("failing_now", as_of=AS_OF, platform="airflow")] == ["airflow"]
    assert run_shape("failing_now", as_of=AS_OF, platform="dbt") == []
    assert run_shape("failing_now", as_of=AS_OF, environment="prod") != []


def test_buckets_have_the_requested_width(seed: None) -> None:
    def failures(bucket: str) -> list[tuple[Any, int]]:
        rows = run_shape("failures_over_time", as_of=AS_OF, bucket=bucket)
        return [(row["ts_bucket"], row["failed_runs"]) for row in rows]

    assert failures("day") == [
        (datetime(2026, 6, 10, tzinfo=UTC), 1),
        (datetime(2026, 6, 15, tzinfo=UTC), 1),
        (datetime(2026, 6, 16, tzinfo=UTC), 3),
        (datetime(2026, 6, 17, tzinfo=UTC), 4),
    ]
    assert failures("week") == [(datetime(2026, 6, 8, tzinfo=UTC), 1), (datetime(2026, 6, 15, tzinfo=UTC), 8)]
    assert sum(count for _, count in failures("minute")) == 9


@pytest.mark.parametrize(
    ("name", "parameters", "invalid_parameters"),
    [
        ("failing_now", {"since": "2026-01-01"}, {"since"}),
        ("failures_over_time", {"bucket": "month"}, {"bucket"}),
        ("failures_over_time", {"since": "yesterday", "until": "x"}, {"since", "until"}),
        ("failures_over_time", {"since": "2026-02-01", "until": "2026-01-01"}, {"since"}),
        ("failures_over_time", {"since": "2026-02-01", "until": "2026-02-01"}, {"since"}),
        ("top_flaky_pipelines", {"limit": "0"}, {"limit"}),
        ("top_flaky_pipelines", {"limit": "1001"}, {"limit"}),
        ("top_flaky_pipelines", {"limit": "2.5"}, {"limit"}),
        ("run_duration_distribution", {"bucket_count": "-1", "max_duration_seconds": "many"},
         {"bucket_count", "max_duration_seconds"}),
        ("weekly_status_mix", {"weeks": "9" * 400}, {"weeks"}),
        ("client_risk", {"client_id": "Acme"}, {"client_id"}),
        ("client_risk", {"platform": "mainframe", "environment": "moon"}, {"platform", "environment"}),
        ("client_risk", {"as_of": "12"}, {"as_of"}),
        ("failures_over_time", {"until": "0001-01-02T00:00:00Z"}, {"until"}),
    ],
)  # fmt: skip
def test_run_shape_and_the_api_report_which_parameter_is_invalid(
    name: str, parameters: dict[str, Any], invalid_parameters: set[str]
) -> None:
    with pytest.raises(InvalidParameters) as error_info:
        run_shape(name, **parameters)
    assert set(error_info.value.problems) == invalid_parameters

    response = api_with_scope("read").get(f"{ROOT}/reports/{name}", parameters)
    assert set(assert_error(response, 400, "validation_error")) == invalid_parameters


def test_an_unknown_shape_is_not_found() -> None:
    assert_error(api_with_scope("read").get(f"{ROOT}/reports/everything"), 404, "not_found")
    with pytest.raises(KeyError):
        run_shape("everything")


def test_a_token_bound_to_a_client_sees_only_that_client(seed: None) -> None:
    borealis, acme = Client.objects.get(name="Borealis"), Client.objects.get(name="Acme")
    api = api_with_scope("read", client_id=borealis.pk)
    for name in SHAPE_NAMES:
        items = api.get(f"{ROOT}/reports/{name}?as_of=2026-06-17T12:00:00Z").json()["items"]
        assert {row["client_name"] for row in items if "client_name" in row} <= {"Borealis"}, name
        assert (
            items
            == api_with_scope("read")
            .get(f"{ROOT}/reports/{name}?as_of=2026-06-17T12:00:00Z&client_id={borealis.pk}")
            .json()["items"]
        )
        assert_error(api.get(f"{ROOT}/reports/{name}?client_id={acme.pk}"), 404, "not_found")


def test_a_bound_caller_can_write_its_client_id_in_upper_case_or_without_hyphens() -> None:
    pipeline = RunFactory.create().pipeline
    api = api_with_scope("read", client_id=pipeline.client_id)
    for client_id in (str(pipeline.client_id).upper(), pipeline.client_id.hex):
        response = api.get(f"{ROOT}/reports/latest_status_by_pipeline?client_id={client_id}")
        assert [row["client_id"] for row in response.json()["items"]] == [str(pipeline.client_id)]


def test_a_client_id_that_is_not_a_uuid_is_refused_for_bound_and_unbound_callers() -> None:
    bound = api_with_scope("read", client_id=PipelineFactory.create().client_id)
    for api in (bound, api_with_scope("read")):
        response = api.get(f"{ROOT}/reports/failing_now?client_id=abc")
        assert set(assert_error(response, 400, "validation_error")) == {"client_id"}


def test_a_token_bound_to_a_pipeline_gets_no_report() -> None:
    api = api_with_scope("read", pipeline_id=PipelineFactory.create().pk)
    assert_error(api.get(f"{ROOT}/reports/failing_now"), 403, "forbidden")


def test_reports_need_the_permission_to_see_runs() -> None:
    assert_error(api_with_scope(Scope.INGEST).get(f"{ROOT}/reports/failing_now"), 403, "forbidden")
    assert api_as_role("viewer").get(f"{ROOT}/reports/failing_now").status_code == 200


def test_a_name_that_looks_like_a_formula_is_escaped_in_csv() -> None:
    PipelineFactory.create(client__name='=HYPERLINK("http://evil.example")', name="+1+1")
    csv_response = api_with_scope("read").get(
        f"{ROOT}/reports/latest_status_by_pipeline", headers={"accept": "text/csv"}
    )
    _, row = csv.reader(io.StringIO(csv_response.getvalue().decode()))
    assert row[:2] == ['\'=HYPERLINK("http://evil.example")', "'+1+1"]


def test_a_report_runs_one_query_and_four_statements_for_its_time_limit(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(5):  # savepoint, set limit, the shape, reset limit, release savepoint
        run_shape("latest_status_by_pipeline")


def test_the_header_of_every_shape_is_complete() -> None:
    with pytest.raises(ValueError, match="Grain"):
        parse_shape("broken", "-- Question what?\nSELECT 1")
    for shape in shapes().values():
        assert shape.question.endswith("?"), shape.name
        assert set(shape.inventory.split(",")[0].split()) <= {"active", "all"}, shape.name
        assert all(column.description for column in shape.columns), shape.name


@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_reports_work_for_the_first_and_last_year_and_for_the_largest_row_counts(seed: None, name: str) -> None:
    Run.objects.filter(rows_processed__isnull=False).update(rows_processed=MAX_BIGINT)

    for as_of in (datetime(1, 2, 1, tzinfo=UTC), AS_OF, datetime(9999, 12, 31, 23, 59, tzinfo=UTC)):
        run_shape(name, as_of=as_of)


def test_a_sum_of_row_counts_can_be_larger_than_a_bigint(seed: None) -> None:
    Run.objects.filter(rows_processed__isnull=False).update(rows_processed=MAX_BIGINT)

    rows = run_shape("client_throughput", as_of=AS_OF)

    assert max(row["total_rows_30d"] for row in rows) > MAX_BIGINT
