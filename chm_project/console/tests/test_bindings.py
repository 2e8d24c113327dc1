"""Administrators bind users and groups to clients. By default, the board and the lists show
a user's own clients."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db.models import ProtectedError
from django.test import Client as Browser

from chm_project.access.models import Binding, MyClient
from chm_project.operations.erasure import erase_client
from chm_project.tests.pages import browser, html, tiles
from inventory.models import Client, Pipeline
from inventory.tests.factories import PipelineFactory
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

CLIENT_LIST_URL = "/admin/inventory/client/"
PIPELINE_LIST_URL = "/admin/inventory/pipeline/"
RUN_LIST_URL = "/admin/runs/run/"


def create_failing_pipeline(client: str) -> Pipeline:
    pipeline: Pipeline = PipelineFactory.create(client__name=client, name=f"{client} nightly")
    RunFactory.create(pipeline=pipeline, status="failed", external_run_id=f"{client}-1")
    return pipeline


def listed_names(response: Any) -> list[str]:
    return [str(row) for row in response.context["cl"].result_list]


def form_values(browser: Browser, page: str) -> dict[str, Any]:
    """Return the form values that a browser would send from the unchanged page."""
    response = browser.get(page)
    values: dict[str, Any] = {}
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        values |= {field.html_name: field.value() for field in form if field.value() not in (None, "")}
    values = {name: value for name, value in values.items() if value is not False and "password" not in name}
    for name in ("last_login", "date_joined"):
        if (moment := values.pop(name, None)) is not None:
            values |= {f"{name}_0": f"{moment:%Y-%m-%d}", f"{name}_1": f"{moment:%H:%M:%S}"}
    return values


def save_binding(browser: Browser, page: str, *clients: Client) -> Any:
    values_to_send = {"username": "renamed", "binding-0-clients": [str(client.pk) for client in clients]}
    return browser.post(page, form_values(browser, page) | values_to_send)


def test_an_administrator_binds_a_person_on_the_persons_page() -> None:
    own_pipeline, other_pipeline = create_failing_pipeline("Acme"), create_failing_pipeline("Borealis")
    viewer, administrator = browser("viewer"), browser("administrator")
    person = User.objects.get(username="a viewer")
    assert tiles(html(viewer.get("/admin/")))["failing"] == 2

    response = save_binding(administrator, f"/admin/auth/user/{person.pk}/change/", own_pipeline.client)
    assert response.status_code == 302

    assert list(Binding.objects.get(user=person).clients.all()) == [own_pipeline.client]
    assert "binding to clients" in LogEntry.objects.get(object_id=str(person.pk)).get_change_message()
    assert tiles(html(viewer.get("/admin/")))["failing"] == 1
    assert listed_names(viewer.get(PIPELINE_LIST_URL)) == ["Acme nightly"]
    assert viewer.get(f"/admin/console/pipeline/{other_pipeline.pk}/").status_code == 404


def test_a_binding_to_an_invalid_id_is_an_error_of_its_field() -> None:
    administrator = browser("administrator")
    page = f"/admin/auth/user/{User.objects.create_user('somebody').pk}/change/"

    response = administrator.post(page, form_values(administrator, page) | {"binding-0-clients": ["nonsense"]})

    assert "“nonsense” is not a valid UUID." in html(response)
    assert not Binding.objects.exists()


def test_an_administrator_may_bind_a_group_but_not_change_its_permissions() -> None:
    own_pipeline = create_failing_pipeline("Acme")
    create_failing_pipeline("Borealis")
    viewer, administrator = browser("viewer"), browser("administrator")
    group = Group.objects.get(name="viewer")
    permissions = set(group.permissions.values_list("codename", flat=True))

    response = administrator.post(
        f"/admin/auth/group/{group.pk}/change/",
        form_values(administrator, f"/admin/auth/group/{group.pk}/change/")
        | {"binding-0-clients": [str(own_pipeline.client_id)], "name": "renamed", "permissions": ["1", "2"]},
    )

    assert response.status_code == 302
    group.refresh_from_db()
    assert group.name == "viewer"
    assert set(group.permissions.values_list("codename", flat=True)) == permissions
    assert listed_names(viewer.get(CLIENT_LIST_URL)) == ["Acme"]


def test_a_user_sees_the_clients_of_their_own_binding_and_of_their_groups() -> None:
    own_pipeline, group_pipeline, hidden_pipeline = (
        create_failing_pipeline("Acme"),
        create_failing_pipeline("Borealis"),
        create_failing_pipeline("Cirrus"),
    )
    viewer = browser("viewer")
    person = User.objects.get(username="a viewer")

    Binding.objects.create(user=person).clients.set([own_pipeline.client])
    Binding.objects.create(group=person.groups.get()).clients.set([group_pipeline.client])

    assert listed_names(viewer.get(CLIENT_LIST_URL)) == ["Acme", "Borealis"]
    assert viewer.get(f"/admin/console/client/{hidden_pipeline.client_id}/").status_code == 404


def test_other_roles_cannot_see_or_change_bindings() -> None:
    own_pipeline = create_failing_pipeline("Acme")
    person = User.objects.create_user("somebody")
    for role in ("viewer", "analyst", "operator"):
        staff = browser(role)
        for page in (f"/admin/auth/user/{person.pk}/change/", "/admin/auth/group/"):
            assert staff.get(page).status_code == 403
        staff.post(f"/admin/auth/user/{person.pk}/change/", {"binding-0-clients": [str(own_pipeline.client_id)]})

    assert not Binding.objects.exists()


def test_a_bound_user_whose_last_client_is_erased_sees_nothing() -> None:
    own_pipeline = create_failing_pipeline("Acme")
    create_failing_pipeline("Borealis")
    viewer = browser("viewer")
    Binding.objects.create(user=User.objects.get(username="a viewer")).clients.set([own_pipeline.client])

    erase_client(own_pipeline.client, erased_by="a test")

    assert listed_names(viewer.get(CLIENT_LIST_URL)) == []
    assert tiles(html(viewer.get("/admin/")))["failing"] == 0


def test_a_group_with_a_binding_cannot_be_deleted() -> None:
    group = Group.objects.create(name="north")
    Binding.objects.create(group=group)

    with pytest.raises(ProtectedError):
        group.delete()


def test_the_board_and_the_lists_show_the_users_own_clients_by_default_and_link_to_all() -> None:
    own_pipeline = create_failing_pipeline("Acme")
    create_failing_pipeline("Borealis")
    viewer = browser("viewer")

    viewer.post("/admin/console/my-clients/", {"clients": [str(own_pipeline.client_id)]})

    lists = {CLIENT_LIST_URL: ["Acme", "Borealis"], PIPELINE_LIST_URL: ["Acme nightly", "Borealis nightly"]}
    board = html(viewer.get("/admin/"))
    assert tiles(board)["failing"] == 1
    assert tiles(html(viewer.get(url_of_link(board, "Show all clients", "/admin/"))))["failing"] == 2
    for page, everything in lists.items():
        response = viewer.get(page)
        assert listed_names(response) == everything[:1]
        all_rows = viewer.get(url_of_link(html(response), "List all clients", page))
        assert listed_names(all_rows) == everything
        assert "List only my 1 client<" in html(all_rows)
    assert len(listed_names(viewer.get(RUN_LIST_URL))) == 1
    assert len(listed_names(viewer.get(f"{RUN_LIST_URL}?clients=all"))) == 2


def url_of_link(page: str, link_text: str, page_url: str) -> str:
    url: str
    [url] = re.findall(rf'href="([^"]*)">{link_text}<', page)
    return url if url.startswith("/") else page_url + url


def test_my_clients_do_not_restrict_access() -> None:
    own_pipeline, other_pipeline = create_failing_pipeline("Acme"), create_failing_pipeline("Borealis")
    viewer = browser("viewer")
    MyClient.objects.create(user=User.objects.get(username="a viewer"), client=own_pipeline.client)

    assert viewer.get(f"/admin/console/client/{other_pipeline.client_id}/").status_code == 200
    chosen = viewer.get(f"{PIPELINE_LIST_URL}?client__id__exact={other_pipeline.client_id}")
    assert listed_names(chosen) == ["Borealis nightly"]
    assert "data-my-clients" not in html(chosen), (
        "the filter for one client replaces the filter for the user's own clients"
    )
    assert tiles(html(viewer.get(f"/admin/?client={other_pipeline.client_id}")))["failing"] == 1


def test_an_export_contains_only_my_clients_like_the_list() -> None:
    own_pipeline = create_failing_pipeline("Acme")
    create_failing_pipeline("Borealis")
    viewer = browser("viewer")
    MyClient.objects.create(user=User.objects.get(username="a viewer"), client=own_pipeline.client)

    mine, everything = (
        b"".join(viewer.get(f"{PIPELINE_LIST_URL}export/csv/{query}")) for query in ("", "?clients=all")
    )

    assert (b"Acme nightly" in mine, b"Borealis nightly" in mine) == (True, False)
    assert b"Borealis nightly" in everything


def test_saving_my_clients_without_a_choice_lists_all_clients_again() -> None:
    own_pipeline = create_failing_pipeline("Acme")
    viewer = browser("viewer")
    MyClient.objects.create(user=User.objects.get(username="a viewer"), client=own_pipeline.client)
    assert "checked" in html(viewer.get("/admin/console/my-clients/"))

    viewer.post("/admin/console/my-clients/", {})

    assert not MyClient.objects.exists()
    assert "data-my-clients" not in html(viewer.get("/admin/"))
