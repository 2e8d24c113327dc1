"""Who starts the servers, who stops them, and what happens when either is killed."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from chm_project.local.embedded import Attachment, EmbeddedServersUnavailable, attach, redis_url
from chm_project.local.embedded.postgres import SETTINGS, Postgres
from chm_project.local.embedded.tests.conftest import running
from chm_project.local.embedded.tests.holder import Holder

StartHolder = Callable[..., Holder]


def query(url: str | None, statement: str) -> object:
    assert url is not None
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def broker(attachment: Attachment) -> redis.Redis:
    assert attachment.broker_url is not None
    return redis.Redis.from_url(redis_url(attachment.broker_url), decode_responses=True)


def postmaster(attachment: Attachment) -> psutil.Process:
    assert attachment.database_url is not None
    with psycopg.connect(attachment.database_url) as connection:
        parent = psutil.Process(connection.info.backend_pid).parent()
    assert parent is not None
    return parent


def valkey_process(attachment: Attachment) -> psutil.Process:
    with broker(attachment) as client:
        return psutil.Process(int(client.info("server")["process_id"]))


def test_data_survives_a_restart(reused_data_dir: Path) -> None:
    with attach(data_dir=reused_data_dir) as attachment, broker(attachment) as client:
        query(attachment.database_url, "CREATE TABLE kept AS SELECT 'É' AS word")
        client.set("kept", "yes")
    assert running(reused_data_dir) == []

    with attach(data_dir=reused_data_dir) as attachment, broker(attachment) as client:
        assert query(attachment.database_url, "SELECT count(*) FROM kept WHERE word ILIKE 'é'") == 1
        assert client.get("kept") == "yes"


def test_two_references_in_one_process_are_independent(reused_data_dir: Path) -> None:
    first, second = attach(data_dir=reused_data_dir), attach(data_dir=reused_data_dir)
    first.release()
    first.release()

    assert query(second.database_url, "SELECT 1") == 1

    second.release()
    assert running(reused_data_dir) == []


def test_only_the_requested_servers_are_started(reused_data_dir: Path) -> None:
    with attach(data_dir=reused_data_dir, database=False) as attachment:
        assert attachment.database_url is None
        assert running(reused_data_dir) == ["valkey"]

    with attach(data_dir=reused_data_dir, broker=False) as attachment:
        assert attachment.broker_url is None
        assert running(reused_data_dir) == ["postgresql"]


def test_a_second_process_uses_the_servers_and_the_last_process_stops_them(
    reused_data_dir: Path, hold: StartHolder
) -> None:
    other = hold(reused_data_dir)
    urls = other.answer()

    with attach(data_dir=reused_data_dir) as attachment:
        assert (attachment.database_url, attachment.broker_url) == (urls["database_url"], urls["broker_url"])
        server = postmaster(attachment).pid
        other.leave()
        assert postmaster(attachment).pid == server

    assert running(reused_data_dir) == []


def test_a_killed_holder_does_not_keep_the_servers_running(reused_data_dir: Path, hold: StartHolder) -> None:
    killed = hold(reused_data_dir)
    killed.answer()
    killed.signal_all(signal.SIGKILL)
    assert running(reused_data_dir) == ["postgresql", "valkey"]

    attach(data_dir=reused_data_dir).release()

    assert running(reused_data_dir) == []


def test_ctrl_c_reaches_the_holder_but_not_the_servers_it_started(reused_data_dir: Path, hold: StartHolder) -> None:
    interrupted = hold(reused_data_dir)
    interrupted.answer()

    with attach(data_dir=reused_data_dir) as attachment, broker(attachment) as client:
        before = postmaster(attachment).pid, client.info("server")["run_id"]
        interrupted.signal_all(signal.SIGINT)
        assert interrupted.process.returncode == 130
        assert (postmaster(attachment).pid, client.info("server")["run_id"]) == before


def test_a_killed_postmaster_is_replaced_with_its_data(reused_data_dir: Path) -> None:
    with attach(data_dir=reused_data_dir) as attachment:
        query(attachment.database_url, "CREATE TABLE survived AS SELECT generate_series(1, 1000)")
        time.sleep(0.7)  # the server may lose the last moments: commits do not wait for the disk
        killed = postmaster(attachment)
        killed.kill()

        with attach(data_dir=reused_data_dir) as again:
            assert query(again.database_url, "SELECT count(*) FROM survived") == 1000
            assert postmaster(again).pid != killed.pid


def test_a_killed_valkey_is_replaced_with_its_queue(reused_data_dir: Path) -> None:
    with attach(data_dir=reused_data_dir, database=False) as attachment, broker(attachment) as client:
        client.rpush("queue", "a", "b", "c")
        killed = valkey_process(attachment)
        killed.kill()

        with attach(data_dir=reused_data_dir, database=False) as again, broker(again) as other_client:
            assert other_client.lrange("queue", 0, -1) == ["a", "b", "c"]
            assert valkey_process(again).pid != killed.pid


def test_stale_files_with_the_pid_of_another_process_are_ignored(reused_data_dir: Path) -> None:
    attach(data_dir=reused_data_dir).release()
    server = Postgres(reused_data_dir)
    server.prepare()
    [version] = server.home.glob("[0-9]*/PG_VERSION")
    # After a reboot the pid of a killed server may belong to any process, here to this one.
    for stale in (version.with_name("postmaster.pid"), Path(f"{server.socket_path}.lock")):
        stale.write_text(f"{os.getpid()}\n{version.parent}\n")
        os.chown(stale, version.stat().st_uid, version.stat().st_gid)
    (reused_data_dir / "valkey" / "valkey.sock").touch()

    with attach(data_dir=reused_data_dir) as attachment, broker(attachment) as client:
        assert query(attachment.database_url, "SELECT 1") == 1
        assert client.ping()


def test_five_processes_that_start_at_once_get_one_server(data_dir: Path, hold: StartHolder) -> None:
    holders = [hold(data_dir) for _ in range(5)]
    answers = [holder.answer() for holder in holders]

    assert all(answer == answers[0] for answer in answers)
    with attach(data_dir=data_dir) as attachment:
        query(attachment.database_url, "CREATE TABLE shared ()")
        assert query(answers[0]["database_url"], "SELECT 'shared'::regclass::text") == "shared"
        for holder in holders:
            holder.leave()
    assert running(data_dir) == []


def test_an_interrupted_first_start_leaves_no_partial_cluster(data_dir: Path, hold: StartHolder) -> None:
    killed = hold(data_dir)
    deadline = time.monotonic() + 20
    while not list(data_dir.glob("postgresql/*.new/base")):
        assert time.monotonic() < deadline
    killed.signal_all(signal.SIGKILL)
    assert list(data_dir.glob("postgresql/*/PG_VERSION")) in ([], [*data_dir.glob("postgresql/*.new/PG_VERSION")])

    with attach(data_dir=data_dir, broker=False) as attachment:
        assert query(attachment.database_url, "SELECT current_user::text") == "chm"
        assert list(data_dir.glob("postgresql/*.new")) == []


def test_deleting_the_folder_deletes_the_data_also_if_root_stores_it_elsewhere(data_dir: Path) -> None:
    with attach(data_dir=data_dir, broker=False) as attachment:
        query(attachment.database_url, "CREATE TABLE forgotten ()")
    shutil.rmtree(data_dir)

    with attach(data_dir=data_dir, broker=False) as attachment:
        assert query(attachment.database_url, "SELECT to_regclass('forgotten')::text") is None


def test_a_failing_start_says_why_and_leaves_no_process(reused_data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETTINGS, "jit", "perhaps")

    with pytest.raises(EmbeddedServersUnavailable, match=r"stopped while starting.*CHM_DATABASE_URL(.|\n)*jit"):
        attach(data_dir=reused_data_dir)

    assert running(reused_data_dir) == []
