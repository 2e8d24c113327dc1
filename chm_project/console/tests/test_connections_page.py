"""The pages of connections: what each role sees, and how users adopt pipelines of the source."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client as Browser
from pytest_django import Settings

from ingestion.connections import configured_connections
from ingestion.services import ingest_connection
from ingestion.synthetic.airflow_replay import AirflowReplay
from ingestion.synthetic.partner import Answer
from inventory.models import Client, Pipeline
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

LIST_URL, CONNECTION_URL, ADOPT_URL = (
    "/admin/console/connections/",
    "/admin/console/connections/live/",
    "/admin/console/connections/live/adopt/",
)


@pytest.fixture
def airflow(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[AirflowReplay]:
    """Run a simulated Airflow, and configure the connection "live" to it."""
    cache.clear()
    monkeypatch.setenv("LIVE_PASSWORD", "REDACTED")
    with AirflowReplay() as partner:
        file = tmp_path / "connections.toml"
        file.write_text(
            f'''[connections.live]
connector = "airflow"
base_url = "{partner.base_url}"
reconcile_days = 0
auth = {{ kind = "airflow_token", username = "admin", secret_env = "LIVE_PASSWORD" }}
'''
        )
        settings.CHM_CONNECTIONS_FILE = str(file)
        yield partner
    cache.clear()


def ingest_live() -> None:
    connection = configured_connections()["live"]
    ingest_connection(connection, list(Pipeline.objects.ingestible().filter(connection.condition())))


def browser(role: str) -> Browser:
    user = User.objects.create_user(f"the {role}", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Browser()
    client.force_login(user)
    return client


def create_pipeline(external_id: str, **fields: Any) -> Pipeline:
    client, _ = Client.objects.get_or_create(name="Northwind")
    return Pipeline.objects.create(
        client=client, name=f"The {external_id}", external_id=external_id, platform="airflow", pipeline_type="export",
        **fields,
    )  # fmt: skip


def test_the_pages_show_pipelines_that_only_chm_or_only_the_source_has(airflow: AirflowReplay) -> None:
    create_pipeline("deleted_dag")
    create_pipeline("manual_refund")
    for row in airflow.dag_list:
        row["is_paused"] = row["has_import_errors"] = row["dag_id"] == "manual_refund"
    ingest_live()
    viewer = browser("viewer")

    list_page, page = (viewer.get(url).content.decode() for url in (LIST_URL, CONNECTION_URL))

    assert airflow.base_url in list_page
    assert "Airflow · every" in list_page
    assert f'href="{CONNECTION_URL}"' in list_page
    missing = page.partition("Missing at the source")[2].partition("</section>")[0]
    assert "deleted_dag" in missing
    assert "manual_refund" not in missing
    assert "branch_and_map" in page.partition('id="unmatched"')[2].partition("</section>")[0]
    assert "The manual_refund" in page.partition("<h2>Paused")[2].partition("</section>")[0]
    assert "manual_refund" in page.partition("<h2>Import errors")[2].partition("</section>")[0]


def test_every_page_shows_that_a_pipeline_is_missing_at_its_source(airflow: AirflowReplay) -> None:
    lost = create_pipeline("deleted_dag")
    RunFactory.create()  # without a run the board shows the checklist of a first start
    ingest_live()
    viewer = browser("viewer")

    page = viewer.get(f"/admin/console/pipeline/{lost.pk}/").content.decode()
    board = viewer.get("/admin/").content.decode()
    client = viewer.get(f"/admin/console/client/{lost.client_id}/").content.decode()

    assert "Missing at the source" in page
    assert "source's list of pipelines no longer contains deleted_dag" in page
    sources = board.partition('data-list="sources"')[2].partition("</table>")[0]
    assert "Northwind" in sources
    assert "missing</span> since" in client


def test_roles_that_may_import_pipelines_may_adopt_them_and_others_are_refused(airflow: AirflowReplay) -> None:
    Client.objects.create(name="Northwind")
    ingest_live()
    form = {"external_id": ["manual_refund", "branch_and_map"], "client": "Northwind", "pipeline_type": "export"}

    for role in ("viewer", "operator"):
        user = browser(role)
        assert "Adopt selected" not in user.get(CONNECTION_URL).content.decode()
        assert user.post(ADOPT_URL, form).status_code == 403
    analyst = browser("analyst")
    assert "Adopt selected" in analyst.get(CONNECTION_URL).content.decode()
    response = analyst.post(ADOPT_URL, form, follow=True).content.decode()

    assert "Adopted 2 pipelines. The next ingestion reads all their runs." in response
    assert set(Pipeline.objects.values_list("external_id", flat=True)) == {"manual_refund", "branch_and_map"}


def test_a_refused_adoption_shows_the_reason_and_stores_nothing(airflow: AirflowReplay) -> None:
    ingest_live()
    analyst = browser("analyst")

    response = analyst.post(ADOPT_URL, {"all": "yes", "pipeline_type": "export"}, follow=True).content.decode()
    empty = analyst.post(ADOPT_URL, {"pipeline_type": "export"}, follow=True).content.decode()

    assert "Selected pipeline 1, client: No rule assigns a client; choose one." in response
    assert "Nothing was adopted." in response
    assert "Select at least one pipeline." in empty
    assert not Pipeline.objects.exists()


def test_the_page_says_that_the_list_of_the_source_has_never_been_read(
    airflow: AirflowReplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_pipeline("manual_refund")
    monkeypatch.setattr(airflow, "_list_dags", lambda request: Answer(403, {"detail": "Forbidden"}))
    ingest_live()

    page = browser("viewer").get(CONNECTION_URL).content.decode()
    _, unmatched = page.split('id="unmatched"', 1)

    assert "list of pipelines cannot be read" in page
    assert "CHM has not read the source's list of pipelines yet." in unmatched.split("</section>")[0]


def test_the_list_of_connections_reports_that_no_connection_can_be_used(settings: Settings) -> None:
    settings.CHM_CONNECTIONS_FILE = "/nowhere/connections.toml"
    viewer = browser("viewer")

    assert "No connection can be used" in viewer.get(LIST_URL).content.decode()
    assert viewer.get(CONNECTION_URL).status_code == 404


def test_a_user_without_a_role_may_not_see_connections() -> None:
    without_role = Browser()
    without_role.force_login(User.objects.create_user("nobody", is_staff=True))

    assert without_role.get(LIST_URL).status_code == 403
