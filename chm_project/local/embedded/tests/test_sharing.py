"""The first process starts the servers and the last one stops them, even if processes or servers are killed."""

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

from chm_project.local.embedded import EmbeddedServersUnavailable, RunningServers, redis_url, start_servers
from chm_project.local.embedded.postgres import SETTINGS, Postgres
from chm_project.local.embedded.tests.conftest import running_servers
from chm_project.local.embedded.tests.holder import ProcessWithServers

StartProcess = Callable[..., ProcessWithServers]


def query(url: str | None, statement: str) -> object:
    assert url is not None
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def broker(servers: RunningServers) -> redis.Redis:
    assert servers.broker_url is not None
    return redis.Redis.from_url(redis_url(servers.broker_url), decode_responses=True)


def postmaster(servers: RunningServers) -> psutil.Process:
    assert servers.database_url is not None
    with psycopg.connect(servers.database_url) as connection:
        parent = psutil.Process(connection.info.backend_pid).parent()
    assert parent is not None
    return parent


def valkey_process(servers: RunningServers) -> psutil.Process:
    with broker(servers) as client:
        return psutil.Process(int(client.info("server")["process_id"]))


def test_data_survives_a_restart(reused_data_dir: Path) -> None:
    with start_servers(data_dir=reused_data_dir) as servers, broker(servers) as client:
        query(servers.database_url, "CREATE TABLE kept AS SELECT 'É' AS word")
        client.set("kept", "yes")
    assert running_servers(reused_data_dir) == []

    with start_servers(data_dir=reused_data_dir) as servers, broker(servers) as client:
        assert query(servers.database_url, "SELECT count(*) FROM kept WHERE word ILIKE 'é'") == 1
        assert client.get("kept") == "yes"


def test_servers_that_one_process_started_twice_run_until_both_are_released(reused_data_dir: Path) -> None:
    first, second = start_servers(data_dir=reused_data_dir), start_servers(data_dir=reused_data_dir)
    first.release()
    first.release()

    assert query(second.database_url, "SELECT 1") == 1

    second.release()
    assert running_servers(reused_data_dir) == []


def test_only_the_requested_servers_are_started(reused_data_dir: Path) -> None:
    with start_servers(data_dir=reused_data_dir, database=False) as servers:
        assert servers.database_url is None
        assert running_servers(reused_data_dir) == ["valkey"]

    with start_servers(data_dir=reused_data_dir, broker=False) as servers:
        assert servers.broker_url is None
        assert running_servers(reused_data_dir) == ["postgresql"]


def test_a_second_process_uses_the_servers_and_the_last_process_stops_them(
    reused_data_dir: Path, start_process_with_servers: StartProcess
) -> None:
    other = start_process_with_servers(reused_data_dir)
    urls = other.read_urls()

    with start_servers(data_dir=reused_data_dir) as servers:
        assert (servers.database_url, servers.broker_url) == (urls["database_url"], urls["broker_url"])
        server = postmaster(servers).pid
        other.stop()
        assert postmaster(servers).pid == server

    assert running_servers(reused_data_dir) == []


def test_the_servers_stop_with_the_last_process_after_another_was_killed(
    reused_data_dir: Path, start_process_with_servers: StartProcess
) -> None:
    killed = start_process_with_servers(reused_data_dir)
    killed.read_urls()
    killed.signal_all(signal.SIGKILL)
    assert running_servers(reused_data_dir) == ["postgresql", "valkey"]

    start_servers(data_dir=reused_data_dir).release()

    assert running_servers(reused_data_dir) == []


def test_ctrl_c_ends_a_process_but_not_the_servers_that_it_started(
    reused_data_dir: Path, start_process_with_servers: StartProcess
) -> None:
    interrupted = start_process_with_servers(reused_data_dir)
    interrupted.read_urls()

    with start_servers(data_dir=reused_data_dir) as servers, broker(servers) as client:
        ids_before = postmaster(servers).pid, client.info("server")["run_id"]
        interrupted.signal_all(signal.SIGINT)
        assert interrupted.process.returncode == 130
        assert (postmaster(servers).pid, client.info("server")["run_id"]) == ids_before


def test_a_killed_postgresql_is_started_again_with_its_data(reused_data_dir: Path) -> None:
    with start_servers(data_dir=reused_data_dir) as servers:
        query(servers.database_url, "CREATE TABLE survived AS SELECT generate_series(1, 1000)")
        time.sleep(0.7)  # a killed server may lose the last commits, which do not wait for the disk
        killed = postmaster(servers)
        killed.kill()

        with start_servers(data_dir=reused_data_dir) as restarted:
            assert query(restarted.database_url, "SELECT count(*) FROM survived") == 1000
            assert postmaster(restarted).pid != killed.pid


def test_a_killed_valkey_is_started_again_with_its_queue(reused_data_dir: Path) -> None:
    with start_servers(data_dir=reused_data_dir, database=False) as servers, broker(servers) as client:
        client.rpush("queue", "a", "b", "c")
        killed = valkey_process(servers)
        killed.kill()

        with start_servers(data_dir=reused_data_dir, database=False) as restarted, broker(restarted) as other_client:
            assert other_client.lrange("queue", 0, -1) == ["a", "b", "c"]
            assert valkey_process(restarted).pid != killed.pid


def test_stale_files_with_the_pid_of_another_process_are_ignored(reused_data_dir: Path) -> None:
    start_servers(data_dir=reused_data_dir).release()
    server = Postgres(reused_data_dir)
    server.prepare()
    [version] = server.home.glob("[0-9]*/PG_VERSION")
    # After a reboot the pid of a killed server may belong to any process, here to this one.
    for leftover in (version.with_name("postmaster.pid"), Path(f"{server.socket_path}.lock")):
        leftover.write_text(f"{os.getpid()}\n{version.parent}\n")
        os.chown(leftover, version.stat().st_uid, version.stat().st_gid)
    (reused_data_dir / "valkey" / "valkey.sock").touch()

    with start_servers(data_dir=reused_data_dir) as servers, broker(servers) as client:
        assert query(servers.database_url, "SELECT 1") == 1
        assert client.ping()


def test_five_processes_that_start_at_the_same_time_share_one_server(
    data_dir: Path, start_process_with_servers: StartProcess
) -> None:
    processes = [start_process_with_servers(data_dir) for _ in range(5)]
    urls_of_processes = [process.read_urls() for process in processes]

    assert all(response == urls_of_processes[0] for response in urls_of_processes)
    with start_servers(data_dir=data_dir) as servers:
        query(servers.database_url, "CREATE TABLE shared ()")
        assert query(urls_of_processes[0]["database_url"], "SELECT 'shared'::regclass::text") == "shared"
        for process in processes:
            process.stop()
    assert running_servers(data_dir) == []


def test_an_interrupted_first_start_leaves_no_partial_cluster(
    data_dir: Path, start_process_with_servers: StartProcess
) -> None:
    killed = start_process_with_servers(data_dir)
    deadline = time.monotonic() + 20
    while not list(data_dir.glob("postgresql/*.new/base")):
        assert time.monotonic() < deadline
    killed.signal_all(signal.SIGKILL)
    assert list(data_dir.glob("postgresql/*/PG_VERSION")) in ([], [*data_dir.glob("postgresql/*.new/PG_VERSION")])

    with start_servers(data_dir=data_dir, broker=False) as servers:
        assert query(servers.database_url, "SELECT current_user::text") == "chm"
        assert list(data_dir.glob("postgresql/*.new")) == []


def test_deleting_the_data_folder_deletes_the_data_even_if_root_stores_it_in_another_folder(data_dir: Path) -> None:
    with start_servers(data_dir=data_dir, broker=False) as servers:
        query(servers.database_url, "CREATE TABLE forgotten ()")
    shutil.rmtree(data_dir)

    with start_servers(data_dir=data_dir, broker=False) as servers:
        assert query(servers.database_url, "SELECT to_regclass('forgotten')::text") is None


def test_a_failed_start_gives_the_reason_and_leaves_no_process(
    reused_data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, "jit", "perhaps")

    with pytest.raises(EmbeddedServersUnavailable, match=r"stopped while starting.*CHM_DATABASE_URL(.|\n)*jit"):
        start_servers(data_dir=reused_data_dir)

    assert running_servers(reused_data_dir) == []
