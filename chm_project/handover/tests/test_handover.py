"""Test the handover of a shift as JSON and as Markdown, and the Atom feed of incidents."""

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import feedparser
import pytest
from django.test import Client as Browser
from django.utils import timezone
from lxml import etree

from chm_project.access.models import Scope
from chm_project.access.services import create_token
from chm_project.tests.api import ROOT, api_with_scope, assert_error
from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory
from runs.known_failures import mark_known_failure
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

ATOM = {"a": "http://www.w3.org/2005/Atom"}


def add_run(
    name: str, hours_ago: float, status: str, text: str | None = None, client: Client | None = None
) -> Pipeline:
    moment = timezone.now() - timedelta(hours=hours_ago)
    client = client or Client.objects.filter(name="Acme").first() or ClientFactory.create(name="Acme")
    pipeline = Pipeline.objects.filter(name=name, client=client).first()
    pipeline_values = {"pipeline": pipeline} if pipeline else {"pipeline__name": name, "pipeline__client": client}
    return RunFactory.create(
        status=status, error_message=text, started_at=moment, finished_at=moment, **pipeline_values
    ).pipeline


@pytest.fixture
def shift() -> None:
    add_run("fresh", 1, "failed", "disk full on *node*")
    mark_known_failure(pipeline=add_run("old", 40, "failed", "quota exceeded"), reason="ticket 123")
    add_run("recovered", 20, "failed", "x")
    add_run("recovered", 2, "success")


def handover(api: Any, **query: str) -> dict[str, Any]:
    response = api.get(f"{ROOT}/handover", query)
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def test_the_handover_has_new_incidents_recovered_and_failing_pipelines(shift: None) -> None:
    body = handover(api_with_scope("read"))

    assert [row["error_message"] for row in body["incidents"]] == ["disk full on *node*"]
    assert [row["pipeline_name"] for row in body["recovered"]] == ["recovered"]
    assert [(row["pipeline_name"], row["known"]) for row in body["failing"]] == [("fresh", False), ("old", True)]
    earlier = handover(api_with_scope("read"), since=(timezone.now() - timedelta(hours=50)).isoformat())
    assert [row["ended_at"] is None for row in earlier["incidents"]] == [True, True, False]


def test_the_handover_has_incidents_that_began_and_ended_in_the_shift() -> None:
    other = ClientFactory.create(name="Borealis")
    for name, client, began, ended in (
        ("a", None, 9, 7),  # one outage of two clients
        ("b", other, 8.5, 6),
        ("c", None, 6.4, 6.2),  # more than an hour later, so another outage
    ):
        add_run(name, began, "failed", "connection to wh.example refused", client)
        add_run(name, ended, "success", client=client)
    add_run("began before", 14, "failed", "disk full")
    add_run("began before", 11, "failed", "disk full")
    add_run("began before", 10, "success")
    add_run("changed its cause", 5, "failed", "column missing")
    add_run("changed its cause", 4, "failed", "quota exceeded")
    add_run("recovered while the incident continues", 3.9, "failed", "quota exceeded")
    add_run("recovered while the incident continues", 3, "success")

    incidents = handover(api_with_scope("read"))["incidents"]

    assert [
        (row["error_message"], row["pipelines"], row["client_names"], row["ended_at"] is None) for row in incidents
    ] == [
        ("quota exceeded", 1, "Acme", True),
        ("connection to wh.example refused", 2, "Acme, Borealis", False),
        ("column missing", 1, "Acme", False),
        ("connection to wh.example refused", 1, "Acme", False),
    ]
    assert {row["incident"] for row in incidents[1::2]} == {incidents[1]["incident"]}
    text = api_with_scope("read").get(f"{ROOT}/handover", headers={"accept": "text/markdown"}).content.decode()
    assert "## New incidents: 4" in text
    assert re.search(r"2 pipelines of Acme, Borealis on Airflow from \d.* UTC to \d.* UTC: ", text)


@pytest.mark.parametrize(("error_message", "is_same_incident"), [("Task failed", False), ("disk full", True)])
def test_an_ended_incident_with_a_vague_cause_is_part_of_a_current_one_only_within_15_minutes(
    error_message: str, is_same_incident: bool
) -> None:
    add_run("a", 3, "failed", error_message)
    add_run("a", 2.8, "success")
    add_run("b", 2.5, "failed", error_message)

    incidents = handover(api_with_scope("read"))["incidents"]

    assert [row["ended_at"] is None for row in incidents] == ([True] if is_same_incident else [True, False])


def test_the_handover_has_changes_to_rules_and_inventory(shift: None) -> None:
    pipeline = Pipeline.objects.get(name="fresh")
    api_with_scope("write").patch(f"{ROOT}/pipelines/{pipeline.pk}", {"description": "new"})
    other_client = ClientFactory.create(name="Other")

    assert [(row["kind"], row["name"]) for row in handover(api_with_scope("read"))["changes"]] == [
        ("pipeline", "fresh")
    ]
    assert handover(api_with_scope("read"), client_id=str(other_client.pk))["changes"] == []


def test_the_markdown_has_the_same_rows_as_the_json_and_escapes_error_texts(shift: None) -> None:
    response = api_with_scope("read").get(f"{ROOT}/handover", headers={"accept": "text/markdown"})

    text = response.content.decode()
    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    assert "## New incidents: 1" in text
    assert r"disk full on \*node\*" in text
    assert "old of Acme" in text.split("## Still failing, marked as known: 1")[1].split("##")[0]


def test_a_token_bound_to_a_client_gets_that_clients_handover(shift: None) -> None:
    other = ClientFactory.create(name="Other")
    api = api_with_scope("read", client_id=other.pk)

    assert handover(api)["failing"] == []
    assert_error(api.get(f"{ROOT}/handover?client_id={Client.objects.get(name='Acme').pk}"), 404, "not_found")


def test_a_shift_must_begin_in_the_last_31_days() -> None:
    for since in ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"):
        assert set(
            assert_error(api_with_scope("read").get(f"{ROOT}/handover?since={since}"), 400, "validation_error")
        ) == {"since"}


def feed(**binding: Any) -> Any:
    _, key = create_token(name=f"feed {binding}", scope=Scope.READ, **binding)
    response = Browser().get(f"/feed/{key}")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert key not in response.content.decode()
    return etree.fromstring(response.content)


def test_the_feed_is_valid_atom_with_one_entry_per_incident(shift: None) -> None:
    schema = etree.RelaxNG(etree.parse(Path(__file__).parent / "atom.rng"))

    root = feed()

    schema.assertValid(root)
    titles = root.xpath("a:entry/a:title/text()", namespaces=ATOM)
    assert titles[0] == "1 pipeline of Acme on Airflow: disk full on *node*"
    ids = root.xpath("//a:id/text()", namespaces=ATOM)
    assert len(set(ids)) == len(ids) == 3
    assert feed_ids(feed()) == ids, "the ids stay the same when the feed is read again"


def test_a_feed_reader_can_parse_an_entry_with_any_error_text() -> None:
    text = '<b>disk</b> & "quota" \x01\x1b[31m full ☃ ]]> <script>alert(1)</script>'
    add_run("fresh", 1, "failed", text)
    _, key = create_token(name="feed", scope=Scope.READ)

    parsed_feed = feedparser.parse(Browser().get(f"/feed/{key}").content)

    assert (parsed_feed.bozo, parsed_feed.version) == (False, "atom10")
    [incident] = handover(api_with_scope("read"))["incidents"]
    [entry] = parsed_feed.entries
    assert entry.title_detail.type == "text/plain"
    assert (
        entry.title == '1 pipeline of Acme on Airflow: <b>disk</b> & "quota" [31m full ☃ ]]> <script>alert(1)</script>'
    )
    assert entry.link.endswith(f"/admin/runs/run/{incident['run_id']}/change/")
    assert entry.id.startswith(f"urn:chm:incident:{incident['incident']}:")
    for field in (entry.published_parsed, entry.updated_parsed, parsed_feed.feed.updated_parsed):
        assert f"{datetime.fromtimestamp(timegm(field), UTC):%Y-%m-%dT%H:%M:%S}" == incident["since"][:19]


def feed_ids(feed_root: Any) -> list[str]:
    return [str(text) for text in feed_root.xpath("//a:id/text()", namespaces=ATOM)]


def test_a_clients_key_opens_that_clients_feed(shift: None) -> None:
    assert feed(client_id=ClientFactory.create(name="Other").pk).xpath("a:entry", namespaces=ATOM) == []


def test_a_feed_needs_a_read_key_that_is_not_bound_to_a_pipeline(shift: None) -> None:
    _, ingest_key = create_token(name="ingest", scope=Scope.INGEST)
    _, pipeline_key = create_token(name="narrow", scope=Scope.READ, pipeline_id=Pipeline.objects.get(name="old").pk)
    for key in ("nothing", ingest_key, pipeline_key):
        assert Browser().get(f"/feed/{key}").status_code == 404
