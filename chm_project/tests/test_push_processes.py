"""Pushes to a real web server: its log contains no key, and malicious bodies do not harm it."""

import gzip
import http.client
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psutil
import pytest
import requests
from django.db import connection

from chm_project.access.models import Scope
from chm_project.access.services import create_token
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from tools.support.processes import web_server

pytestmark = pytest.mark.django_db(transaction=True)


def database_url() -> str:
    """Return the URL of the test database."""
    path = f"/{connection.settings_dict['NAME']}"
    return urlunsplit(urlsplit(os.environ["CHM_DATABASE_URL"])._replace(path=path))


def pipeline_and_key() -> tuple[Pipeline, str]:
    pipeline: Pipeline = PipelineFactory.create(external_id="warehouse/mart")
    _, key = create_token(name="cron", scope=Scope.INGEST, pipeline_id=pipeline.pk)
    return pipeline, key


@pytest.mark.parametrize("debug", ["0", "1"])
def test_the_log_of_the_web_server_contains_no_ping_key(tmp_path: Path, debug: str) -> None:
    pipeline, key = pipeline_and_key()
    log = tmp_path / "web.log"
    with web_server(log, CHM_DATABASE_URL=database_url(), CHM_DEBUG=debug) as base_url:
        ping_url = f"{base_url}/ping/{key}"
        responses = [
            requests.get(f"{ping_url}{suffix}", timeout=30) for suffix in ("", "/start", "/9", "/x", "/a/b", "?rid=7")
        ]
        responses.append(requests.post(f"{ping_url}/fail", data=b"x" * 2_000_000, timeout=30))
        responses.append(requests.put(ping_url, timeout=30))
        responses.append(requests.get(f"{base_url}//ping/{key}", timeout=30))
        responses.append(requests.get(ping_url, headers={"Host": "no_such_host"}, timeout=30))
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE runs RENAME TO elsewhere")
            responses.append(requests.get(ping_url, timeout=30))
            cursor.execute("ALTER TABLE elsewhere RENAME TO runs")

    assert [response.status_code for response in responses] == [200, 200, 200, 404, 404, 400, 200, 405, 200, 400, 500]
    printed = log.read_text()
    assert debug == "0" or "Internal error" in printed, "the log of this server is not empty"
    for text in (printed, *(response.text for response in responses)):
        assert key not in text
        assert key[13:] not in text
    assert pipeline.runs.filter(status="failed").count() == 2


def test_a_zip_bomb_needs_little_memory_of_the_server(tmp_path: Path) -> None:
    _, key = pipeline_and_key()
    bomb = gzip.compress(b"[" + b" " * 300_000_000 + b"]", compresslevel=9)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Content-Encoding": "gzip"}
    with web_server(tmp_path / "web.log", CHM_DATABASE_URL=database_url(), CHM_WEB_WORKERS="1") as base_url:
        requests.post(f"{base_url}/api/v1/lineage", json=[], headers={"Authorization": f"Bearer {key}"}, timeout=60)
        memory_before = _memory_bytes(base_url)  # measured after the first request, which imports modules
        response = requests.post(f"{base_url}/api/v1/lineage", data=bomb, headers=headers, timeout=60)
        growth = _memory_bytes(base_url) - memory_before

        assert response.status_code == 400
        assert "larger than" in response.json()["error"]["message"]
        assert growth < 100 * 2**20
        event = {
            "eventType": "COMPLETE", "eventTime": "2026-03-01T10:00:00Z", "run": {"runId": "1"},
            "job": {"namespace": "warehouse", "name": "mart"},
        }  # fmt: skip
        body = gzip.compress(json.dumps([event]).encode())
        response = requests.post(f"{base_url}/api/v1/lineage", data=body, headers=headers, timeout=60)
        assert response.json()["items"][0]["outcome"] == "created"


def test_a_chunked_body_without_a_length_is_accepted(tmp_path: Path) -> None:
    _, key = pipeline_and_key()
    with web_server(tmp_path / "web.log", CHM_DATABASE_URL=database_url()) as base_url:
        client = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=30)
        client.request("POST", f"/ping/{key}/fail", body=iter([b"disk ", b"full"]), encode_chunked=True)
        assert client.getresponse().status == 200
        client.close()


def test_simultaneous_pushes_are_all_stored_with_their_own_status(tmp_path: Path) -> None:
    """Eight threads push the start of each run once and its end twice."""
    pipeline, key = pipeline_and_key()
    run_ids = [str(uuid4()) for _ in range(60)]

    def push(run_id: str) -> set[int]:
        ping_url, end_suffix = f"{base_url}/ping/{key}", "/7" if int(run_id[0], 16) % 2 else ""
        with requests.Session() as session:
            statuses = {session.get(f"{ping_url}/start?rid={run_id}", timeout=60).status_code}
            with ThreadPoolExecutor(2) as end_senders:
                ends = end_senders.map(
                    lambda _: requests.get(f"{ping_url}{end_suffix}?rid={run_id}", timeout=60).status_code, range(2)
                )
                return statuses | set(ends)

    server = web_server(tmp_path / "web.log", CHM_DATABASE_URL=database_url())
    with server as base_url, ThreadPoolExecutor(8) as clients:
        statuses = set().union(*clients.map(push, run_ids))

    assert statuses == {200}
    stored_statuses = {run.external_run_id: run.status for run in pipeline.runs.all()}
    assert stored_statuses == {run_id: "failed" if int(run_id[0], 16) % 2 else "success" for run_id in run_ids}
    assert not pipeline.runs.filter(duration_seconds__isnull=True).exists()


def _memory_bytes(base_url: str) -> int:
    """Return the memory in bytes of all processes that listen at this URL."""
    port = urlsplit(base_url).port
    servers = {
        open_connection.pid
        for open_connection in psutil.net_connections("tcp")
        if open_connection.pid
        and open_connection.status == "LISTEN"
        and open_connection.laddr
        and open_connection.laddr[1] == port
    }
    return sum(psutil.Process(pid).memory_info().rss for pid in servers)
