"""provision.py creates the boards in a simulated Metabase, and their queries return the rows of the shapes."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings
from django.db import connection

from chm_project.dashboards import expand, metabase
from chm_project.dashboards.boards import BUSINESS, GOVERNANCE, placed_shapes
from chm_project.dashboards.tests.metabase_stand_in import PASSWORD_MASK, MetabaseStandIn, run_stand_in
from chm_project.tests.controlled_seed import AS_OF, create_seed
from chm_project.tests.expected_shapes import expected_rows
from chm_project.tests.reporting_role import query_as_reporting_role
from inventory.models import Client
from runs.reporting.run_shapes import run_shape

FOLDER = Path(settings.BASE_DIR) / "docker" / "metabase"
BOARDS_DATA = json.loads((FOLDER / "boards.json").read_text())
QUESTIONS = {question["shape"]: question for question in BOARDS_DATA["questions"]}
ADMINISTRATOR = {"METABASE_ADMIN_EMAIL": "admin@chm.local", "METABASE_ADMIN_PASSWORD": "an-administrators-secret"}


@pytest.fixture
def server() -> Iterator[MetabaseStandIn]:
    with run_stand_in() as stand_in:
        yield stand_in


def provision(server: MetabaseStandIn, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"], "METABASE_URL": server.url, "METABASE_READER_PASSWORD": "a-readers-secret",
        "METABASE_DATABASE_HOST": "postgres", **ADMINISTRATOR,
    }  # fmt: skip
    server.requests.clear()
    return subprocess.run(
        [sys.executable, "-I", FOLDER / "provision.py"],
        env=environment | changes, capture_output=True, text=True, check=False,
    )  # fmt: skip


def count_writes(server: MetabaseStandIn) -> Counter[tuple[str, str]]:
    return Counter((method, path) for method, path, _ in server.requests if method != "GET")


def test_the_first_run_of_provision_creates_everything(server: MetabaseStandIn) -> None:
    process = provision(server)

    assert process.returncode == 0, process.stderr
    models, questions = len(BOARDS_DATA["models"]), len(BOARDS_DATA["questions"])
    assert (models, questions) == (5, 13)
    assert [(method, path) for method, path, _ in server.requests][:8] == [
        ("GET", "/api/health"), ("GET", "/api/health"), ("GET", "/api/session/properties"), ("POST", "/api/setup"),
        ("GET", "/api/database"), ("POST", "/api/database"), ("GET", "/api/collection"), ("POST", "/api/collection"),
    ]  # fmt: skip
    write_counts = count_writes(server)
    assert write_counts["POST", "/api/card"] == models + questions
    assert write_counts["POST", "/api/dashboard"] == 2
    # One PUT for each board adds its cards.
    assert sum(count for (method, _), count in write_counts.items() if method == "PUT") == 2
    assert process.stdout.count("created") == 1 + 1 + 1 + models + questions + 2


def test_the_second_run_of_provision_changes_nothing(server: MetabaseStandIn) -> None:
    provision(server)
    stored_before = json.dumps(server.stored)

    process = provision(server)

    assert process.returncode == 0, process.stderr
    (database,) = server.stored["database"]
    assert count_writes(server) == {("POST", "/api/session"): 1, ("PUT", f"/api/database/{database}"): 1}
    assert json.dumps(server.stored) == stored_before
    assert "created" not in process.stdout
    assert "updated" not in process.stdout


def test_provision_restores_changed_and_removed_content_and_writes_nothing_else(server: MetabaseStandIn) -> None:
    provision(server)
    card = next(card for card in server.stored["card"].values() if card["type"] == "question")
    card["dataset_query"]["native"]["query"] = "SELECT 1"
    model = next(card for card in server.stored["card"].values() if card["type"] == "model")
    model["result_metadata"][0]["description"] = "changed"
    dashboard = next(iter(server.stored["dashboard"].values()))
    removed_card = dashboard["dashcards"].pop()
    remaining_ids = [dashcard["id"] for dashcard in dashboard["dashcards"]]

    process = provision(server)

    (database,) = server.stored["database"]
    assert count_writes(server) == {
        ("POST", "/api/session"): 1,
        ("PUT", f"/api/database/{database}"): 1,
        ("PUT", f"/api/card/{card['id']}"): 1,
        ("PUT", f"/api/card/{model['id']}"): 1,
        ("PUT", f"/api/dashboard/{dashboard['id']}"): 1,
    }
    assert process.stdout.count("updated") == 3
    assert [dashcard["id"] for dashcard in dashboard["dashcards"]][:-1] == remaining_ids
    assert dashboard["dashcards"][-1]["card_id"] == removed_card["card_id"]


def test_provision_sends_a_changed_reader_password_to_metabase(server: MetabaseStandIn) -> None:
    provision(server)
    provision(server, METABASE_READER_PASSWORD="another-secret")
    (database,) = server.stored["database"].values()
    assert database["details"]["password"] == "another-secret"
    assert database["details"]["user"] == "metabase_reader"


def test_provision_reads_secrets_from_files_and_never_prints_them(server: MetabaseStandIn, tmp_path: Path) -> None:
    (tmp_path / "reader").write_text("a-secret-of-a-file\n")
    first = provision(server, METABASE_READER_PASSWORD_FILE=str(tmp_path / "reader"))
    wrong_password = provision(server, METABASE_ADMIN_PASSWORD="wrong-secret")

    assert next(iter(server.stored["database"].values()))["details"]["password"] == "a-secret-of-a-file"
    assert wrong_password.returncode == 1
    assert "POST /api/session answered 401" in wrong_password.stderr
    for text in (first.stdout, first.stderr, wrong_password.stdout, wrong_password.stderr):
        assert "secret" not in text
        assert PASSWORD_MASK not in text


def test_provision_reports_a_missing_setting(server: MetabaseStandIn) -> None:
    process = provision(server, METABASE_READER_PASSWORD="")
    assert process.returncode == 1
    assert "METABASE_READER_PASSWORD is not set" in process.stderr
    assert server.requests == []


def test_each_filter_of_a_board_is_connected_to_every_card_with_its_tag(server: MetabaseStandIn) -> None:
    provision(server)
    assert {dashboard["name"] for dashboard in server.stored["dashboard"].values()} == {BUSINESS, GOVERNANCE}
    for dashboard in server.stored["dashboard"].values():
        slugs = {parameter["id"]: parameter["slug"] for parameter in dashboard["parameters"]}
        assert list(slugs.values()) == ["client", "platform", "environment", "as_of"]
        for dashcard in dashboard["dashcards"]:
            card = server.stored["card"][dashcard["card_id"]]
            tags = set(card["dataset_query"]["native"]["template-tags"])
            targets = {slugs[mapping["parameter_id"]]: mapping["target"] for mapping in dashcard["parameter_mappings"]}
            assert targets == {tag: ["variable", ["template-tag", tag]] for tag in tags}
            assert {"client", "platform", "environment"} <= tags
        names = [server.stored["card"][dashcard["card_id"]]["name"] for dashcard in dashboard["dashcards"]]
        assert names == [placed.shape.question for placed in placed_shapes(dashboard["name"])]
        client = next(parameter for parameter in dashboard["parameters"] if parameter["slug"] == "client")
        assert server.stored["card"][client["values_source_config"]["card_id"]]["name"] == "Clients"


@pytest.mark.django_db
def test_the_file_of_the_boards_is_up_to_date() -> None:
    """Regenerate with `make dashboards`."""
    assert (FOLDER / "boards.json").read_text() == metabase.boards_file()


def run_query(sql: str, tags: dict[str, Any], **filters: str) -> list[dict[str, Any]]:
    return query_as_reporting_role(
        *expand.expand_for_metabase(sql, tags, {name: value for name, value in filters.items() if name in tags})
    )


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_a_question_returns_the_rows_calculated_by_hand(server: MetabaseStandIn, name: str) -> None:
    create_seed()
    provision(server)
    (card,) = (card for card in server.stored["card"].values() if card["name"] == QUESTIONS[name]["name"])
    native = card["dataset_query"]["native"]

    rows = run_query(native["query"], native["template-tags"], as_of=AS_OF.isoformat())

    assert [tuple(row.values()) for row in rows] == expected_rows(name)


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_a_question_with_filters_returns_the_same_rows_as_the_shape(name: str) -> None:
    create_seed()
    acme = str(Client.objects.get(name="Acme").pk)
    sql, tags = QUESTIONS[name]["sql"], QUESTIONS[name]["tags"]
    as_of = AS_OF.isoformat()
    cases: list[tuple[dict[str, str], dict[str, Any]]] = [
        ({"client": "Acme"}, {"client_id": acme}),
        ({"platform": "vendor_api"}, {"platform": "vendor_api"}),
        ({"environment": "staging"}, {"environment": "staging"}),
        ({"client": "Acme", "platform": "airflow", "environment": "prod"},
         {"client_id": acme, "platform": "airflow", "environment": "prod"}),
    ]  # fmt: skip
    for filters, scope in cases:
        expected = run_shape(name, as_of=AS_OF, **scope)
        assert run_query(sql, tags, as_of=as_of, **filters) == expected


@pytest.mark.django_db
@pytest.mark.parametrize("client", ["Nobody", "' OR true --", "Acme' --", "%"])
def test_an_unknown_client_or_platform_matches_no_row(client: str) -> None:
    create_seed()
    question = QUESTIONS["client_risk"]
    assert run_query(question["sql"], question["tags"], as_of=AS_OF.isoformat(), client=client) == []
    assert run_query(question["sql"], question["tags"], as_of=AS_OF.isoformat(), platform=client) == []


@pytest.mark.django_db
def test_a_model_describes_exactly_the_columns_of_its_query() -> None:
    create_seed()
    for model in BOARDS_DATA["models"]:
        rows = query_as_reporting_role(model["sql"])
        assert rows, model["name"]
        assert list(rows[0]) == [column["name"] for column in model["columns"]]
        assert all(column["description"] for column in model["columns"])
        assert model["description"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM reporting.run_facts")
        (run_count,) = cursor.fetchone()
    runs = next(model for model in BOARDS_DATA["models"] if model["name"] == "Runs")
    assert len(query_as_reporting_role(runs["sql"])) == run_count == 60


def test_the_simulated_metabase_refuses_the_same_requests_as_metabase(server: MetabaseStandIn) -> None:
    """Otherwise the other tests would accept requests that Metabase refuses."""
    provision(server)
    session = next(iter(server.sessions))
    card = next(card for card in server.stored["card"].values() if card["type"] == "question")
    body = {key: card[key] for key in ("name", "display", "dataset_query", "visualization_settings", "type")}
    untagged = {**body["dataset_query"], "native": {"query": "SELECT {{client}}", "template-tags": {}}}
    for invalid_body in ({**body, "type": "model"}, {**body, "name": " "}, {**body, "dataset_query": untagged}):
        assert response_status(server, "POST", "/api/card", session, invalid_body) == 400
    assert response_status(server, "GET", "/api/database", "no session", None) == 401
    assert response_status(server, "GET", "/api/questions", session, None) == 404


def response_status(server: MetabaseStandIn, method: str, path: str, session: str, body: object) -> int:
    headers = {"X-Metabase-Session": session}
    return requests.request(method, server.url + path, json=body, headers=headers, timeout=10).status_code
