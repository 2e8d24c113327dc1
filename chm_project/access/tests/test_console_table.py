"""Request every page of the console as people who are bound to a client, for the objects of another client.

The routes come from the resolver, so a new page is tested without an entry here, unless its route has a new parameter
(see urls_of_route) or a new model (see ID_NAME_BY_MODEL_PATH). Another client's object must get the
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

BOUND_CALLERS = ("person", "member of a bound group", "person of two clients")
# These pages are not requested, because they show no data of clients.
LOGIN_AND_LOGOUT = {"/admin/login/", "/admin/logout/"}
# Paths of pages about all clients. A bound person may not open them.
FORBIDDEN_PATHS = (
    "/admin/auth/",
    "/admin/console/connections/",
    "/admin/inventory/client/add/",
    "/admin/inventory/client/import/",
)
ID_NAME_BY_MODEL_PATH = {
    "inventory/client": "client", "inventory/pipeline": "pipeline", "runs/run": "run", "alerting/alertrule": "rule",
    "access/apitoken": "token",
}  # fmt: skip


@dataclass(frozen=True)
class ClientRows:
    """The rows of one client; every visible name begins with `name_prefix`."""

    name_prefix: str
    ids: dict[str, str]

    @property
    def texts(self) -> list[str]:
        """Return the texts that a page for a person of another client must not contain."""
        return [self.name_prefix, *self.ids.values()]

    def stored(self) -> list[Any]:
        """Return the stored rows of this client."""
        return [row for rows in stored_rows() for row in rows if self.name_prefix in str(row)]


def create_rows(name_prefix: str) -> ClientRows:
    now = timezone.now()
    pipeline: Pipeline = PipelineFactory.create(
        client__name=f"{name_prefix} client", name=f"{name_prefix} pipeline", external_id=f"{name_prefix}_dag"
    )
    for status in ("success", "failed"):
        run = RunFactory.create(
            pipeline=pipeline, status=status, external_run_id=f"{name_prefix}_{status}", started_at=now,
            finished_at=now, error_message=f"{name_prefix} text",
        )  # fmt: skip
    RunFactory.create(pipeline=pipeline, status="running", external_run_id=f"{name_prefix}_open", started_at=now)
    rule = AlertRule.objects.create(
        pipeline=pipeline, rule_type="on_failure", channel="slack", destination=f"#{name_prefix}"
    )
    token, _ = create_token(name=f"{name_prefix} token", scope=Scope.INGEST, pipeline_id=pipeline.pk)
    return ClientRows(name_prefix, {
        "client": str(pipeline.client_id), "pipeline": str(pipeline.pk), "run": str(run.pk), "rule": str(rule.pk),
        "token": str(token.pk),
    })  # fmt: skip


def route_patterns(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from route_patterns(entry, path)
        elif isinstance(entry, URLPattern) and "(?P" not in path and "^" not in path:
            yield path


def console_routes() -> list[str]:
    return sorted(
        path for path in route_patterns(get_resolver()) if path.startswith("/admin/") and path not in LOGIN_AND_LOGOUT
    )


def urls_of_route(route: str, ids: dict[str, str]) -> list[str]:
    """Return the URLs of a route for these rows."""
    model = next((name for model_path, name in ID_NAME_BY_MODEL_PATH.items() if f"/{model_path}/" in route), "client")
    values = {
        "client_id": [ids["client"]], "pipeline_id": [ids["pipeline"]], "object_id": [ids[model]],
        "id": [ids[model]], "file_format": ["csv", "xlsx"], "key": list(SECTIONS), "table": list(TABLES),
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


def browser_of_bound_user(caller: str, own_rows: ClientRows) -> Browser:
    client = Browser()
    client.force_login(create_bound_user(caller, own_rows.ids["client"]))
    return client


def text_of(response: Any) -> str:
    content: bytes = b"".join(response) if response.streaming else response.content
    if content.startswith(b"PK"):  # a workbook, which is a zip file
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            content = b"".join(packed.read(name) for name in packed.namelist())
    return content.decode(errors="replace")


def leaked_texts(response: Any, foreign_rows: ClientRows, sent_text: str) -> list[str]:
    """Return the texts of the other client in the response, except those in `sent_text`, which the caller sent."""
    content = text_of(response)
    return [text for text in foreign_rows.texts if text in content and text not in sent_text]


def stored_rows() -> list[list[Any]]:
    models = (Client, Pipeline, AlertRule, Run, ApiToken, Binding)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def test_all_routes_of_the_console_are_collected() -> None:
    routes = console_routes()

    assert len(routes) > 50
    for model_path in ID_NAME_BY_MODEL_PATH:
        assert any(f"/admin/{model_path}/<path:object_id>/change/" == route for route in routes)
    assert {model._meta.label_lower.replace(".", "/") for model in apps.get_models()} >= set(ID_NAME_BY_MODEL_PATH)


@pytest.mark.parametrize("caller", BOUND_CALLERS)
@pytest.mark.parametrize("route", [route for route in console_routes() if is_about_an_object(route)])
def test_a_bound_user_gets_the_same_response_for_another_clients_id_as_for_an_unknown_id(
    route: str, caller: str
) -> None:
    own_rows, foreign_rows = create_rows("Own"), create_rows("Hidden")
    bound_browser, unknown_ids = browser_of_bound_user(caller, own_rows), dict.fromkeys(own_rows.ids, UNKNOWN_ID)
    stored_before = foreign_rows.stored()
    assert len(stored_before) == 7

    for method in ("get", "post"):
        data = {"post": "yes", "confirmed": "yes", "status": "success"} if method == "post" else None
        for url, unknown_url in zip(
            urls_of_route(route, foreign_rows.ids), urls_of_route(route, unknown_ids), strict=True
        ):
            response, expected = (
                getattr(bound_browser, method)(url, data),
                getattr(bound_browser, method)(unknown_url, data),
            )
            assert response.status_code == expected.status_code, url
            assert not leaked_texts(response, foreign_rows, url), url
            if response.status_code != 404:  # the page ignores the id
                [own_status] = {
                    getattr(bound_browser, method)(path, data).status_code
                    for path in urls_of_route(route, own_rows.ids)[:1]
                }
                assert response.status_code in {own_status, 302, 403, 405}, url
                assert response.status_code != 200, url
    assert foreign_rows.stored() == stored_before


@pytest.mark.parametrize("caller", BOUND_CALLERS)
@pytest.mark.parametrize("route", [route for route in console_routes() if not is_about_an_object(route)])
def test_no_page_shows_a_bound_user_anything_of_another_client(route: str, caller: str) -> None:
    own_rows, foreign_rows = create_rows("Own"), create_rows("Hidden")
    bound_browser, foreign_ids = browser_of_bound_user(caller, own_rows), foreign_rows.ids
    opened_pages = 0
    queries = ["", "?clients=all"]
    if caller == "person of two clients":
        queries += [
            "?q=Hid", f"?client__id__exact={foreign_ids['client']}", f"?client={foreign_ids['client']}",
            "?s=Hid&extended=1",
            f"?pipeline__client__id__exact={foreign_ids['client']}", f"?pipeline__id__exact={foreign_ids['pipeline']}",
            "?status__exact=failed", f"?client={foreign_ids['client']}&pipeline={foreign_ids['pipeline']}",
        ]  # fmt: skip

    for url in urls_of_route(route, own_rows.ids):
        for query in queries:
            response = bound_browser.get(url + query)
            assert not leaked_texts(response, foreign_rows, query), url + query
            if url.startswith(FORBIDDEN_PATHS):
                assert response.status_code in {302, 403, 405}, url
            opened_pages += response.status_code == 200
    assert opened_pages or route.startswith(FORBIDDEN_PATHS) or response.status_code in {302, 403, 404, 405}


@pytest.mark.parametrize("caller", BOUND_CALLERS)
def test_autocomplete_offers_a_bound_user_nothing_of_another_client(caller: str) -> None:
    own_rows, foreign_rows = create_rows("Own"), create_rows("Hidden")
    bound_browser, offering_field_count = browser_of_bound_user(caller, own_rows), 0

    for model in apps.get_models():
        for field in (field for field in model._meta.get_fields() if field.is_relation and not field.auto_created):
            parameters: Any = {"app_label": model._meta.app_label, "model_name": model._meta.model_name}
            parameters["field_name"] = field.name
            response = bound_browser.get("/admin/autocomplete/", parameters)
            assert not leaked_texts(response, foreign_rows, ""), f"{model._meta.label}.{field.name}"
            offering_field_count += "Own" in text_of(response)

    # The fields `client` and `pipeline` of rules, and those of tokens.
    assert offering_field_count >= 4


@pytest.mark.parametrize("caller", BOUND_CALLERS)
def test_a_bound_user_cannot_change_anything_of_another_client(caller: str) -> None:
    own_rows, foreign_rows = create_rows("Own"), create_rows("Hidden")
    bound_browser, foreign_ids = browser_of_bound_user(caller, own_rows), foreign_rows.ids
    rows_before = stored_rows()
    pipeline_values = {"name": "sent", "platform": "dbt", "pipeline_type": "export", "environment": "prod"}
    rule_values = {"rule_type": "on_failure", "channel": "slack", "destination": "#sent", "is_enabled": "on"}
    client_csv = b"name,is_active\nHidden client,no\nNew client,yes\n"
    pipeline_csv = b"client,name,platform,pipeline_type\nHidden client,sent,dbt,export\n"
    rule_csv = b"client,rule_type,channel,destination\nHidden client,on_failure,slack,#sent\n"

    for path, data in (
        ("inventory/client/add/", {"name": "sent"}),
        ("inventory/pipeline/add/", pipeline_values | {"client": foreign_ids["client"]}),
        (f"inventory/pipeline/{own_rows.ids['pipeline']}/change/", pipeline_values | {"client": foreign_ids["client"]}),
        ("alerting/alertrule/add/", rule_values | {"client": foreign_ids["client"]}),
        ("alerting/alertrule/add/", rule_values | {"pipeline": foreign_ids["pipeline"]}),
        (f"alerting/alertrule/{own_rows.ids['rule']}/change/", rule_values | {"pipeline": foreign_ids["pipeline"]}),
        ("access/apitoken/add/", {"name": "sent", "scope": "admin", "client": foreign_ids["client"]}),
        ("access/apitoken/add/", {"name": "sent", "scope": "admin", "pipeline": foreign_ids["pipeline"]}),
        ("access/apitoken/add/", {"name": "sent", "scope": "admin"}),
        ("inventory/client/", {"action": "disable", "confirmed": "yes", "_selected_action": foreign_ids["client"]}),
        ("inventory/pipeline/", {"action": "disable", "confirmed": "yes", "_selected_action": foreign_ids["pipeline"]}),
        ("alerting/alertrule/", {"action": "delete_selected", "post": "yes", "_selected_action": foreign_ids["rule"]}),
        ("access/apitoken/", {"action": "revoke", "_selected_action": foreign_ids["token"]}),
        (f"console/pipeline/{foreign_ids['pipeline']}/ingest/", {}),
    ):
        response = bound_browser.post(f"/admin/{path}", data)
        assert not leaked_texts(response, foreign_rows, ""), path
    for path, content in (
        ("inventory/client", client_csv),
        ("inventory/pipeline", pipeline_csv),
        ("alerting/alertrule", rule_csv),
    ):
        response = bound_browser.post(f"/admin/{path}/import/", {"file": SimpleUploadedFile("f.csv", content)})
        if response.status_code == 200:
            assert "There is no client" in text_of(response)
            bound_browser.post(f"/admin/{path}/import/", {"upload_id": response.context["upload_id"]})

    assert stored_rows() == rows_before


def test_a_bound_user_cannot_remove_the_binding() -> None:
    own_rows, foreign_rows = create_rows("Own"), create_rows("Hidden")
    bound_browser = browser_of_bound_user("member of a bound group", own_rows)
    user = Binding.objects.get().group.user_set.get()  # type: ignore[union-attr]
    rows_before = stored_rows()

    for path in (
        f"auth/user/{user.pk}/change/", f"auth/user/{user.pk}/delete/", f"auth/user/{user.pk}/password/",
        "auth/user/add/", "auth/group/add/", f"auth/group/{user.groups.get().pk}/change/",
        f"auth/group/{user.groups.get().pk}/delete/",
    ):  # fmt: skip
        data = {"username": "a new one", "name": "all", "post": "yes", "binding-TOTAL_FORMS": "0"}
        assert bound_browser.get(f"/admin/{path}").status_code == 403, path
        assert bound_browser.post(f"/admin/{path}", data).status_code == 403, path
    bound_browser.post("/admin/console/my-clients/", {"clients": [foreign_rows.ids["client"]]})

    assert stored_rows() == rows_before
    assert not user.my_clients.exists()
    assert bound_browser.get(f"/admin/console/client/{foreign_rows.ids['client']}/").status_code == 404
