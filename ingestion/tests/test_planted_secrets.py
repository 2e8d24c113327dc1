"""Secrets that CHM receives do not reach the database, Redis, the log, API responses, console pages or exports.

The only exception is the destination of an alert rule, which the database stores as it is.
"""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as configured_settings
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from kombu.serialization import dumps
from pytest_django import Settings

from alerting.models import AlertRule
from chm_project.access.models import Scope
from chm_project.access.services import create_token
from chm_project.local.embedded import redis_url
from chm_project.settings.environment import cache as redis_cache
from chm_project.tests.api import ROOT, api_as_role, api_with_scope, post_json
from chm_project.tests.pages import browser
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.tests.support import create_pipelines, generic_connection, ingest
from inventory.models import Pipeline
from runs.models import Run
from tools.support.labelled_texts import items_of

pytestmark = pytest.mark.django_db

NOON = "2026-11-20T12:00:00Z"
PLANTED = "Pl4nted-0-Secret"
HOOK_URL = f"https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/{PLANTED}"
# Texts with secrets, for which the scrubbing rules were written. The tests send them as a source would.
LABELLED_TEXTS = [item for item in items_of("secret", "rules") if isinstance(item.value, str)]
SECRET_WORDS = {
    word for item in LABELLED_TEXTS for secret in item.secrets for word in secret.split() if len(word) > 7
} | {PLANTED}


@pytest.fixture
def redis_cache_client(settings: Settings) -> Iterator[redis.Redis]:
    """Use the broker's Redis as the cache, as in production, and yield a client of it."""
    settings.CACHES = {"default": redis_cache(configured_settings.CELERY_BROKER_URL)}
    with redis.Redis.from_url(redis_url(configured_settings.CELERY_BROKER_URL)) as server:
        yield server
    cache.clear()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.fixture
def orders(db: None) -> Pipeline:
    return create_pipelines("Northwind", "orders")["orders"]


def plant_in_partner_runs(partner: GenericPartner) -> None:
    """Ingest runs with secrets from the partner."""
    partner.runs["orders"] = [
        {"external_run_id": f"page-{number}", "status": "failed", "started_at": NOON, "updated_at": NOON,
         "error_message": item.value, "status_reason": item.value, "conf": {"note": [item.value]}}
        for number, item in enumerate(LABELLED_TEXTS)
    ] + [
        {"external_run_id": f"x?token={PLANTED}", "status": f"token={PLANTED}", "started_at": f"password={PLANTED}",
         "updated_at": NOON, "password": PLANTED,
         "env": [["DB_PASSWORD", PLANTED], {"Name": "API_TOKEN", "Value": PLANTED}]}
    ]  # fmt: skip
    report = ingest(generic_connection(partner))
    assert report.runs_processed == len(LABELLED_TEXTS) + 1
    # The result that the task would store in the broker.
    _, _, result = dumps({"errors": report.errors, "note": f"password={PLANTED}"}, serializer="scrubbed-json")
    cache.set("result_of_the_task", result)


def plant_by_push(orders: Pipeline) -> None:
    """Push runs with secrets: by the API, in a batch, by ping and by OpenLineage."""
    api, text = api_with_scope("ingest"), f"login with password={PLANTED} failed"
    run = {"status": "failed", "error_message": text, "payload": {"token": PLANTED, "url": f"https://u:{PLANTED}@h/x"}}
    assert api.put(f"{ROOT}/pipelines/{orders.pk}/runs/put-1", run, format="json").status_code == 201
    batch = {"items": [run | {"pipeline_id": str(orders.pk), "external_run_id": f"b?token={PLANTED}"}]}
    assert post_json(api, f"{ROOT}/runs/batch", batch).status_code == 200
    _, key = create_token(name="ping", scope=Scope.INGEST, pipeline_id=orders.pk)
    assert api.post(f"/ping/{key}/fail", text, content_type="text/plain").status_code == 200
    lineage = api_with_scope("ingest", client_id=orders.client_id)
    for job in ("orders", f"load password={PLANTED}"):
        event = {
            "eventType": "FAIL", "eventTime": NOON, "producer": f"https://p/?token={PLANTED}",
            "job": {"namespace": f"postgres://etl:{PLANTED}@db" if job != "orders" else "n", "name": job},
            "run": {"runId": f"token={PLANTED}", "facets": {
                "processing_engine": {"name": f"spark password={PLANTED}", "version": "1"},
                "errorMessage": {"message": text, "stackTrace": text},
            }},
        }  # fmt: skip
        # OpenLineage finds a pipeline by the namespace and the name of its job.
        Pipeline.objects.filter(pk=orders.pk).update(external_id="n/orders")
        assert post_json(lineage, f"{ROOT}/lineage", event).status_code in {200, 201}
    Pipeline.objects.filter(pk=orders.pk).update(external_id="orders")


def plant_by_hand(orders: Pipeline) -> None:
    """Send secrets as users type them: in a pipeline, in an import, and in the destination of a rule.

    CHM refuses the first two and stores the destination.
    """
    change = {"description": f"password={PLANTED}"}
    assert api_with_scope().patch(f"{ROOT}/pipelines/{orders.pk}", change, format="json").status_code == 400
    web = browser("analyst")
    rows = f"client,name,platform,pipeline_type,description\nNorthwind,new,cron,export,password={PLANTED}\n"
    preview = web.post(
        "/admin/inventory/pipeline/import/", {"file": SimpleUploadedFile("pipelines.csv", rows.encode())}
    )
    assert preview.context["result"].faults
    rule = {"pipeline_id": str(orders.pk), "rule_type": "on_failure", "channel": "slack", "destination": HOOK_URL}
    assert post_json(api_with_scope(), f"{ROOT}/alert_rules", rule).status_code == 201


def planted_in(text: str) -> list[str]:
    """Return the planted secrets that the text contains."""
    return sorted(word for word in SECRET_WORDS if word in text or json.dumps(word)[1:-1] in text)


def database_text() -> str:
    """Return all rows of all tables except django_session.

    The column `destination` is left out, because it stores the addresses of hooks on purpose.
    """
    with connection.cursor() as cursor:
        tables = [name for name in connection.introspection.table_names(cursor) if name != "django_session"]
        rows = []
        for table in tables:
            cursor.execute(f'SELECT to_jsonb(t) - %s FROM "{table}" t', ["destination"])
            rows += [json.dumps(row[0], ensure_ascii=False) for row in cursor.fetchall()]
    return "\n".join(rows)


def redis_text(server: redis.Redis) -> str:
    parts: list[bytes] = []
    keys: Any = server.keys("*")
    for key in keys:
        kind: Any = server.type(key)
        value: Any = {b"string": server.get, b"hash": server.hgetall, b"set": server.smembers}.get(kind, server.dump)(
            key
        )
        parts += [key, str(value).encode()]
    return b"\n".join(parts).decode(errors="replace")


@pytest.mark.proves("SE-002", "SE-003")
def test_no_planted_secret_is_in_the_database_redis_or_the_log(
    generic_partner: GenericPartner,
    orders: Pipeline,
    redis_cache_client: redis.Redis,
    log: pytest.LogCaptureFixture,
) -> None:
    plant_in_partner_runs(generic_partner)
    plant_by_push(orders)
    plant_by_hand(orders)
    logging.getLogger("a library").debug("sending %s", {"password": PLANTED})

    assert Run.objects.count() >= len(LABELLED_TEXTS) + 4
    assert AlertRule.objects.get().destination == HOOK_URL
    assert planted_in(database_text()) == []
    assert planted_in(redis_text(redis_cache_client)) == []
    assert "DEBUG" in log.text
    assert planted_in(log.text) == []


@pytest.mark.proves("SE-002")
def test_no_planted_secret_is_in_a_response(generic_partner: GenericPartner, orders: Pipeline) -> None:
    plant_in_partner_runs(generic_partner)
    plant_by_push(orders)
    plant_by_hand(orders)
    api, web, run = api_as_role("viewer"), browser("administrator"), Run.objects.latest("created_at")
    answers: list[Any] = [
        api.get(f"{ROOT}{path}")
        for path in ("/runs?limit=1000", f"/pipelines/{orders.pk}", "/pipelines", "/alert_rules", f"/runs/{run.pk}",
                     "/reports/failing_now", "/alert_rules/firing")
    ]  # fmt: skip
    answers += [api.get(f"{ROOT}{path}", HTTP_ACCEPT="text/csv") for path in ("/runs?limit=1000", "/alert_rules")]
    answers += [
        web.get(path)
        for path in ("/admin/", "/admin/runs/run/", f"/admin/runs/run/{run.pk}/change/", "/admin/alerting/alertrule/",
                     f"/admin/inventory/pipeline/{orders.pk}/change/",
                     f"/admin/inventory/client/{orders.client_id}/change/",
                     f"/admin/console/client/{orders.client_id}/", f"/admin/console/pipeline/{orders.pk}/",
                     "/admin/alerting/alertrule/export/csv/", "/admin/inventory/pipeline/export/csv/")
    ]  # fmt: skip

    for answer in answers:
        assert answer.status_code in {200, 302}, answer.request["PATH_INFO"]
        assert planted_in(answer.getvalue().decode(errors="replace")) == [], answer.request["PATH_INFO"]
