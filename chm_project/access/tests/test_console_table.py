"""Request every page of the console as each kind of bound person, for another client's objects.

The routes come from the resolver, so a new page is tested without an entry here. Another client's object must get the
same response as an unknown id.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from alerting.models import AlertRule
from chm_project.access.models import ApiToken, Binding, Scope
from chm_project.access.services import create_token
from chm_project.console.pages.client_report import TABLES
from chm_project.console.pages.sections import SECTIONS
from chm_project.tests.api import UNKNOWN_ID, create_bound_user
from inventory.models import Client, Pipeline
from inventory.tests.factories import PipelineFactory
from runs.models import Run
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

PEOPLE = ("person", "person of a group", "person of two clients")
# Left out, because they end the session.
LOGIN_AND_LOGOUT = {"/admin/login/", "/admin/logout/"}
# Pages about all clients, which a bound person may not open.
CLOSED = (
    "/admin/auth/",
    "/admin/console/connections/",
    "/admin/inventory/client/add/",
    "/admin/inventory/client/import/",
)
OBJECTS = {
    "inventory/client": "client", "inventory/pipeline": "pipeline", "runs/run": "run", "alerting/alertrule": "rule",
    "access/apitoken": "token",
}  # fmt: skip


@dataclass(frozen=True)
class ClientRows:
    """The rows of one client; every name that people see begins with `word`."""

    word: str
    ids: dict[str, str]

    @property
    def texts(self) -> list[str]:
        """Return what a page for a person of another client must not contain."""
        return [self.word, *self.ids.values()]


def create_rows(word: str) -> ClientRows:
    now = timezone.now()
    pipeline: Pipeline = PipelineFactory.create(
        client__name=f"{word} client", name=f"{word} pipeline", external_id=f"{word}_dag"
    )
    for status in ("success", "failed"):
        run = RunFactory.create(
            pipeline=pipeline, status=status, external_run_id=f"{word}_{status}", started_at=now, finished_at=now,
            error_message=f"{word} text",
        )  # fmt: skip
    RunFactory.create(pipeline=pipeline, status="running", external_run_id=f"{word}_open", started_at=now)
    rule = AlertRule.objects.create(pipeline=pipeline, rule_type="on_failure", channel="slack", destination=f"#{word}")
    token, _ = create_token(name=f"{word} token", scope=Scope.INGEST, pipeline_id=pipeline.pk)
    return ClientRows(word, {
        "client": str(pipeline.client_id), "pipeline": str(pipeline.pk), "run": str(run.pk), "rule": str(rule.pk),
        "token": str(token.pk),
    })  # fmt: skip


def patterns(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, path)
        elif isinstance(entry, URLPattern) and "(?P" not in path and "^" not in path:
            yield path


def console_routes() -> list[str]:
    return sorted(
        path for path in patterns(get_resolver()) if path.startswith("/admin/") and path not in LOGIN_AND_LOGOUT
    )


def addresses(route: str, ids: dict[str, str]) -> list[str]:
    """Return the URLs of a route for these rows."""
    model = next((name for model_path, name in OBJECTS.items() if f"/{model_path}/" in route), "client")
    values = {
        "client_id": [ids["client"]], "pipeline_id": [ids["pipeline"]], "object_id": [ids[model]],
        "id": [ids[model]], "form": ["csv", "xlsx"], "key": list(SECTIONS), "table": list(TABLES),
        "content_type_id": ["1"],
        "name": ["default"],
        "app_label": ["inventory", "runs", "access"],
    }  # fmt: skip
    paths = [route]
    while any("<" in path for path in paths):
        name = re.search(r"<(?:\w+:)?(\w+)>", paths[0])[1]  # type: ignore[index]
        paths = [re.sub(r"<(?:\w+:)?" + name + ">", value, path) for path in paths for value in values[name]]
    return paths


def is_about_an_object(route: str) -> bool:
    return "_id>" in route


def browser(kind: str, own: ClientRows) -> Browser:
    client = Browser()
    client.force_login(create_bound_user(kind, own.ids["client"]))
    return client


def body(answer: Any) -> str:
    content: bytes = b"".join(answer) if answer.streaming else answer.content
    if content.startswith(b"PK"):  # a workbook, which is a zip file
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            content = b"".join(packed.read(name) for name in packed.namelist())
    return content.decode(errors="replace")


def leaks(answer: Any, foreign: ClientRows, address: str) -> list[str]:
    """Return the texts of the other client in the response, except those that the caller sent."""
    content = body(answer)
    return [text for text in foreign.texts if text in content and text not in address]


def all_rows() -> list[list[Any]]:
    models = (Client, Pipeline, AlertRule, Run, ApiToken, Binding)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def test_all_routes_of_the_console_are_collected() -> None:
    routes = console_routes()

    assert len(routes) > 50
    for model_path in OBJECTS:
        assert any(f"/admin/{model_path}/<path:object_id>/change/" == route for route in routes)
    assert {model._meta.label_lower.replace(".", "/") for model in apps.get_models()} >= set(OBJECTS)


@pytest.mark.parametrize("kind", PEOPLE)
@pytest.mark.parametrize("route", [route for route in console_routes() if is_about_an_object(route)])
def test_a_bound_user_gets_the_same_response_for_another_clients_id_as_for_an_unknown_id(route: str, kind: str) -> None:
    own, foreign = create_rows("Own"), create_rows("Hidden")
    person, nothing = browser(kind, own), dict.fromkeys(own.ids, UNKNOWN_ID)
    before = all_rows()

    for method in ("get", "post"):
        data = {"post": "yes", "confirmed": "yes", "status": "success"} if method == "post" else None
        for address, none in zip(addresses(route, foreign.ids), addresses(route, nothing), strict=True):
            answer, expected = getattr(person, method)(address, data), getattr(person, method)(none, data)
            assert answer.status_code == expected.status_code, address
            assert not leaks(answer, foreign, address), address
            if answer.status_code != 404:  # the page ignores the id
                [own_status] = {
                    getattr(person, method)(path, data).status_code for path in addresses(route, own.ids)[:1]
                }
                assert answer.status_code in {own_status, 302, 403, 405}, address
                assert answer.status_code != 200, address
    assert [rows for rows in all_rows() if str(rows).find(foreign.word) >= 0] == [
        rows for rows in before if str(rows).find(foreign.word) >= 0
    ] or deletes_the_own_row(route)


def deletes_the_own_row(route: str) -> bool:
    """Return whether the request for the own row deletes it. The next tests compare the other client's rows."""
    return "delete" in route


@pytest.mark.parametrize("kind", PEOPLE)
@pytest.mark.parametrize("route", [route for route in console_routes() if not is_about_an_object(route)])
def test_no_page_shows_a_bound_user_anything_of_another_client(route: str, kind: str) -> None:
    own, foreign = create_rows("Own"), create_rows("Hidden")
    person, other = browser(kind, own), foreign.ids
    seen = 0
    queries = ["", "?clients=all"]
    if kind == "person of two clients":
        queries += [
            "?q=Hid", f"?client__id__exact={other['client']}", f"?client={other['client']}", "?s=Hid&extended=1",
            f"?pipeline__client__id__exact={other['client']}", f"?pipeline__id__exact={other['pipeline']}",
            "?status__exact=failed", f"?client={other['client']}&pipeline={other['pipeline']}",
        ]  # fmt: skip

    for address in addresses(route, own.ids):
        for query in queries:
            answer = person.get(address + query)
            assert not leaks(answer, foreign, query), address + query
            if address.startswith(CLOSED):
                assert answer.status_code in {302, 403, 405}, address
            seen += answer.status_code == 200
    assert seen or route.startswith(CLOSED) or answer.status_code in {302, 403, 404, 405}


@pytest.mark.parametrize("kind", PEOPLE)
def test_autocomplete_offers_a_bound_user_nothing_of_another_client(kind: str) -> None:
    own, foreign = create_rows("Own"), create_rows("Hidden")
    person, offered = browser(kind, own), 0

    for model in apps.get_models():
        for field in (field for field in model._meta.get_fields() if field.is_relation and not field.auto_created):
            about: Any = {"app_label": model._meta.app_label, "model_name": model._meta.model_name}
            about["field_name"] = field.name
            answer = person.get("/admin/autocomplete/", about)
            assert not leaks(answer, foreign, ""), f"{model._meta.label}.{field.name}"
            offered += "Own" in body(answer)

    assert offered >= 4  # clients and pipelines, of rules, tokens and others


@pytest.mark.parametrize("kind", PEOPLE)
def test_a_bound_user_cannot_change_anything_of_another_client(kind: str) -> None:
    own, foreign = create_rows("Own"), create_rows("Hidden")
    person, foreign_ids = browser(kind, own), foreign.ids
    before = all_rows()
    pipeline = {"name": "sent", "platform": "dbt", "pipeline_type": "export", "environment": "prod"}
    rule = {"rule_type": "on_failure", "channel": "slack", "destination": "#sent", "is_enabled": "on"}
    clients = b"name,is_active\nHidden client,no\nNew client,yes\n"
    pipelines = b"client,name,platform,pipeline_type\nHidden client,sent,dbt,export\n"
    rules = b"client,rule_type,channel,destination\nHidden client,on_failure,slack,#sent\n"

    for path, data in (
        ("inventory/client/add/", {"name": "sent"}),
        ("inventory/pipeline/add/", pipeline | {"client": foreign_ids["client"]}),
        (f"inventory/pipeline/{own.ids['pipeline']}/change/", pipeline | {"client": foreign_ids["client"]}),
        ("alerting/alertrule/add/", rule | {"client": foreign_ids["client"]}),
        ("alerting/alertrule/add/", rule | {"pipeline": foreign_ids["pipeline"]}),
        (f"alerting/alertrule/{own.ids['rule']}/change/", rule | {"pipeline": foreign_ids["pipeline"]}),
        ("access/apitoken/add/", {"name": "sent", "scope": "admin", "client": foreign_ids["client"]}),
        ("access/apitoken/add/", {"name": "sent", "scope": "admin", "pipeline": foreign_ids["pipeline"]}),
        ("access/apitoken/add/", {"name": "sent", "scope": "admin"}),
        ("inventory/client/", {"action": "disable", "confirmed": "yes", "_selected_action": foreign_ids["client"]}),
        ("inventory/pipeline/", {"action": "disable", "confirmed": "yes", "_selected_action": foreign_ids["pipeline"]}),
        ("alerting/alertrule/", {"action": "delete_selected", "post": "yes", "_selected_action": foreign_ids["rule"]}),
        ("access/apitoken/", {"action": "revoke", "_selected_action": foreign_ids["token"]}),
        (f"console/pipeline/{foreign_ids['pipeline']}/ingest/", {}),
    ):
        answer = person.post(f"/admin/{path}", data)
        assert not leaks(answer, foreign, ""), path
    for path, file in (("inventory/client", clients), ("inventory/pipeline", pipelines), ("alerting/alertrule", rules)):
        answer = person.post(f"/admin/{path}/import/", {"file": SimpleUploadedFile("f.csv", file)})
        if answer.status_code == 200:
            assert "There is no client" in body(answer)
            person.post(f"/admin/{path}/import/", {"upload": answer.context["upload"]})

    assert all_rows() == before


def test_a_bound_user_cannot_remove_the_binding() -> None:
    own, foreign = create_rows("Own"), create_rows("Hidden")
    person = browser("person of a group", own)
    user = Binding.objects.get().group.user_set.get()  # type: ignore[union-attr]
    before = all_rows()

    for path in (
        f"auth/user/{user.pk}/change/", f"auth/user/{user.pk}/delete/", f"auth/user/{user.pk}/password/",
        "auth/user/add/", "auth/group/add/", f"auth/group/{user.groups.get().pk}/change/",
        f"auth/group/{user.groups.get().pk}/delete/",
    ):  # fmt: skip
        data = {"username": "a new one", "name": "all", "post": "yes", "binding-TOTAL_FORMS": "0"}
        assert person.get(f"/admin/{path}").status_code == 403, path
        assert person.post(f"/admin/{path}", data).status_code == 403, path
    person.post("/admin/console/my-clients/", {"clients": [foreign.ids["client"]]})

    assert all_rows() == before
    assert not user.my_clients.exists()
    assert person.get(f"/admin/console/client/{foreign.ids['client']}/").status_code == 404
