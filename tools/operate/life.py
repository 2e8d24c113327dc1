"""`make life`: simulate the life of an installation with docs/examples and the commands of docs/operations.

1. Start the previous release with data. Until step 8, two threads use the API of the serving release.
2. Build this version, and install and configure its wheel.
3. Back up the database of the previous release.
4. Run `migrate` while the previous release serves.
5. Start two web servers of this version, and stop the previous release.
6. Let the previous release serve for some seconds with the upgraded database, as in a rollback.
7. Let a worker and beat ingest from a simulated partner.
8. Prune old runs.
9. Erase a client.
10. Restore a backup on a second machine, once as the owner of the database and once as a superuser, and compare.
11. Let the second machine serve.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psycopg
import requests
from psycopg import sql

from tools.bench.servers import ROOT
from tools.operate.machines import CONNECTIONS_TOML, SimulatedInstallation, install_without_dependencies
from tools.operate.servers import OWNER, READER, SUPERUSER, MachineServers, read_contents, run_command
from tools.operate.traffic import Traffic
from tools.operate.units import EXAMPLES
from tools.package_check.__main__ import build_packages, copy_tracked_files, install
from tools.upgrade.__main__ import last_release_dump

PRUNE_OLDER_THAN = "10d"
_LATEST_RUNS_HASH_SQL = """
SELECT md5(string_agg(p.id::text || coalesce(r.id::text, ''), '' ORDER BY p.id)) FROM pipelines AS p LEFT JOIN LATERAL (
    SELECT id FROM runs WHERE pipeline_id = p.id
    ORDER BY started_at DESC NULLS LAST, finished_at DESC NULLS LAST, id DESC LIMIT 1) AS r ON true
"""


def run_steps(*, short: bool) -> int:
    """Run all steps and print a table; return the exit status."""
    start_time = time.monotonic()
    # Use /tmp, because its path is short: the path of a unix socket may have at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="chm-life-", dir="/tmp") as name, ExitStack() as stack:
        life = InstallationLife(Path(name), stack, short=short)
        for step in (
            life.previous_release, life.install_this_version, life.back_up_the_previous_release,
            life.upgrade_while_it_serves, life.two_web_servers_take_over, life.roll_back_and_forward, life.ingest,
            life.prune, life.erase_a_client, life.restore_on_a_second_machine, life.serve_from_the_second_machine,
        ):  # fmt: skip
            try:
                life.run_step(step.__name__.replace("_", " "), step)
            except BaseException:
                print((life.folder / "log").read_text()[-4000:], file=sys.stderr)
                raise
    print(f"| all | {time.monotonic() - start_time:.0f} | {len(life.faults)} faults |")
    for fault in life.faults:
        print(fault)
    return 1 if life.faults else 0


class InstallationLife(SimulatedInstallation):
    """The steps in the life of an installation. Each step is a method."""

    def __init__(self, folder: Path, stack: ExitStack, *, short: bool) -> None:
        super().__init__(folder, stack)
        self.short = short
        self.faults: list[str] = []
        self._reported_failures = 0
        print("| step | seconds | result |\n|---|--:|---|")

    def run_step(self, title: str, step: Callable[[], str]) -> None:
        start_time = time.monotonic()
        result = step()
        print(f"| {title} | {time.monotonic() - start_time:.1f} | {result} |", flush=True)

    def expect(self, condition: bool, fault: str) -> None:
        """If the condition is false, add the fault to the list that run_steps() prints at the end."""
        if not condition:
            self.faults.append(fault)

    def _expect_no_failed_requests(self, when: str) -> None:
        """Add a fault if requests have failed since the previous call. `when` describes the time of the failures."""
        new_failures, self._reported_failures = (
            self.traffic.failures[self._reported_failures :],
            len(self.traffic.failures),
        )
        self.expect(not new_failures, f"{len(new_failures)} requests failed {when}: {new_failures[:3]}")

    # The steps. Each step returns the text of its result for the printed table.

    def previous_release(self) -> str:
        name = last_release_dump().name.removesuffix(".sql.xz")
        self.previous_release_folder.mkdir()
        # tools/upgrade has a dump of each release. The name of a dump is a version such as 1.2.3, whose tag is v1.2.3.
        # For the first dump it is a commit, because there was no release yet.
        possible_revisions = (f"v{name}", name)
        existing_revisions = [
            revision
            for revision in possible_revisions
            if _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        ]
        if not existing_revisions:
            sys.exit(f"git has neither v{name} nor {name}, the last release: fetch the whole history")
        archive = self.folder / "previous.tar"
        _git("archive", f"--output={archive}", existing_revisions[0])
        shutil.unpack_archive(archive, self.previous_release_folder)
        self.manage_previous_release("migrate", "--verbosity", "0")
        self.manage_previous_release("load_synthetic", "--end", "now")
        self.manage_previous_release("grant_reporting_role", READER)
        output = self.manage_previous_release("create_api_token", "life", "--scope", "write")
        # The output also contains other words. The token has the form chm_PREFIX_SECRET.
        self.token = next(word for word in output.split() if word.startswith("chm_") and word.count("_") == 2)
        self.previous_server = self.start_previous_release()
        self.traffic = Traffic(self.token)
        self.stack.callback(self.traffic.stop)
        self.traffic.start([self.previous_server.address])
        return f"{existing_revisions[0]}: {self.count('runs')} runs of {self.count('clients')} clients, serving"

    def install_this_version(self) -> str:
        tracked_files = copy_tracked_files(self.folder / "source")
        _, wheel = build_packages(self.folder / "source", self.folder)
        if self.short:
            install_without_dependencies(wheel, self.folder / "installed")
        else:
            install(wheel, self.folder / "installed")
        self.chm("check-config")
        if not self.short:
            self.chm("collectstatic", "--no-input")
        return f"{wheel.name} of {len(tracked_files)} files; check-config finds no fault under the units' settings"

    def back_up_the_previous_release(self) -> str:
        dump_file = self.back_up()
        return f"{dump_file.name}: {dump_file.stat().st_size // 1024} kB by the owner"

    def upgrade_while_it_serves(self) -> str:
        answered_before = self.traffic.answered_count
        self.chm("migrate", "--verbosity", "0")
        self.traffic.wait_for_requests(40)
        self.chm("grant_reporting_role", READER)
        self._expect_no_failed_requests("while the database was upgraded")
        answered_count = self.traffic.answered_count - answered_before
        return f"{answered_count} requests to the previous release meanwhile, {self.traffic.failures_text}"

    def two_web_servers_take_over(self) -> str:
        self.web_servers = [self.start_web(self.first_folders) for _ in range(2)]
        for web_server in self.web_servers:
            web_server.wait_until_ready("/ready")
        self.traffic.use_addresses([web_server.address for web_server in self.web_servers])
        self.previous_server.stop()
        self.traffic.wait_for_requests(40)
        health = requests.get(f"{self.web_servers[0].address}/health", timeout=10).json()
        self._expect_no_failed_requests("when the new web servers took over")
        requests_text = f"{self.traffic.answered_count} requests until now, {self.traffic.failures_text}"
        return f"version {health['version']} on two ports; {requests_text}"

    def roll_back_and_forward(self) -> str:
        previous_server, answered_before = self.start_previous_release(), self.traffic.answered_count
        self.traffic.use_addresses([previous_server.address])
        self.traffic.wait_for_requests(40)
        served_count = self.traffic.answered_count - answered_before
        self.traffic.use_addresses([web_server.address for web_server in self.web_servers])
        previous_server.stop()
        self._expect_no_failed_requests("while the previous release used the upgraded database")
        return f"{served_count} requests by the previous release on the upgraded database, {self.traffic.failures_text}"

    def ingest(self) -> str:
        of_dbt_pipelines = "pipeline_id IN (SELECT id FROM pipelines WHERE platform = 'dbt')"
        with self.partner() as address:
            (self.first_folders.etc / "connections.toml").write_text(CONNECTIONS_TOML.format(address=address))
            self.chm("check-config")
            run_count_before, deadline = self.count("runs", of_dbt_pipelines), time.monotonic() + 120
            worker, beat = self.start_unit("chm-worker@1"), self.start_unit("chm-beat")
            while time.monotonic() < deadline and self.count("runs", of_dbt_pipelines) == run_count_before:
                time.sleep(0.5)
            new_run_count = self.count("runs", of_dbt_pipelines) - run_count_before
            statuses = {"beat": beat.stop(), "worker": worker.stop()}
        walked_pipeline_count = self.count("pipelines", "last_ingest_at IS NOT NULL")
        self.expect(new_run_count > 0, "worker and beat ingested nothing")
        self.expect(not any(statuses.values()), f"a process did not end with status 0 after SIGTERM: {statuses}")
        return f"{new_run_count} new runs of {walked_pipeline_count} pipelines, by worker and beat"

    def prune(self) -> str:
        self.traffic.stop()
        stored_run_ids = {
            row[0] for row in self.rows("SELECT external_run_id FROM runs WHERE external_run_id IS NOT NULL")
        }
        lost_run_ids = self.traffic.written_run_ids - stored_run_ids
        self.expect(not lost_run_ids, f"{len(lost_run_ids)} runs of successful writes are not in the database")
        [latest_runs] = self.rows(_LATEST_RUNS_HASH_SQL)
        dry_run = json.loads(self.chm("prune_runs", "--older-than", PRUNE_OLDER_THAN, "--dry-run", "--json"))
        run_count_before = self.count("runs")
        self.chm("prune_runs", "--older-than", PRUNE_OLDER_THAN)
        deleted_count = run_count_before - self.count("runs")
        self.expect(self.rows(_LATEST_RUNS_HASH_SQL) == [latest_runs], "pruning changed a latest run")
        self.expect(
            deleted_count == dry_run["runs"] > 0,
            f"{deleted_count} runs were pruned, but the dry run announced {dry_run}",
        )
        pruned_text = f"{deleted_count} of {run_count_before} runs were older than {PRUNE_OLDER_THAN}"
        return f"{pruned_text}, as the dry run announced; {self.traffic.written_count} writes, {len(lost_run_ids)} lost"

    def erase_a_client(self) -> str:
        kept_client_id = self.traffic.client_id
        [(name, run_count)] = self.rows(
            "SELECT c.name, count(r.id) FROM clients AS c JOIN pipelines AS p ON p.client_id = c.id"
            f" JOIN runs AS r ON r.pipeline_id = p.id WHERE c.id <> '{kept_client_id}'"
            " GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
        )
        run_count_before = self.count("runs")
        self.chm("erase_client", str(name), "--yes", str(name))
        self.expect(
            run_count_before - self.count("runs") == run_count, "too few or too many runs were deleted with the client"
        )
        self.expect(self.rows(f"SELECT 1 FROM clients WHERE name = '{name}'") == [], "the client is still there")
        self.chm("rollup", "--verify")
        return f"a client with {run_count} runs; the roll-up agrees"

    def restore_on_a_second_machine(self) -> str:
        for web_server in self.web_servers:
            self.expect(web_server.stop() == 0, "a web server did not end with status 0 after SIGTERM")
        dump_file, original_contents = self.back_up(), read_contents(self.first_servers.url())
        self.second_servers = MachineServers(self.folder / "two-servers")
        self.stack.callback(self.second_servers.close)
        # Create the role as CHM's owner, because the next step runs grant_reporting_role as the owner. Since PostgreSQL
        # 16, only the creator of a role and superusers may change the role.
        with psycopg.connect(self.second_servers.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(READER)))
        self.second_servers.create_database("by_superuser")
        restore = str(EXAMPLES / "backup" / "restore.sh")
        run_command([restore, str(dump_file)], environment=self.second_servers.environment("chm", OWNER))
        run_command(
            [restore, str(dump_file), OWNER], environment=self.second_servers.environment("by_superuser", SUPERUSER)
        )
        for database in ("chm", "by_superuser"):
            for difference in original_contents.differences(read_contents(self.second_servers.url(database))):
                self.faults.append(f"restored into {database}: {difference}")
        restored_digests = [
            read_contents(self.second_servers.url(database)).digest for database in ("chm", "by_superuser")
        ]
        self.expect(
            _is_restore_refused(restore, dump_file, self.second_servers),
            "a restore into a database with data was not refused",
        )
        return (
            f"by owner and by superuser: {len(original_contents.relations)} relations and"
            f" {len(original_contents.schema)} lines of schema and grants:"
            f" hash {original_contents.digest} before, {' and '.join(restored_digests)} restored"
        )

    def serve_from_the_second_machine(self) -> str:
        folders = self.configure("two", self.second_servers)
        shutil.copy(self.first_folders.etc / "secrets" / "chm_secret_key", folders.etc / "secrets")
        for command in (("migrate", "--check"), ("rebuild_reporting", "--check"), ("rollup", "--verify")):
            self.chm(*command, folders=folders)
        self.chm("grant_reporting_role", READER, folders=folders)
        web = self.start_web(folders)
        web.wait_until_ready("/ready")
        traffic = Traffic(self.token)
        traffic.start([web.address])
        traffic.wait_for_requests(40)
        traffic.stop()
        web.stop()
        self.expect(not traffic.failures, f"the second machine: {traffic.failures[:3]}")
        return f"{traffic.answered_count} requests with the token of the first machine, {traffic.failures_text}"


def _is_restore_refused(restore: str, dump_file: Path, servers: MachineServers) -> bool:
    environment = servers.environment("chm", OWNER)
    return (
        subprocess.run([restore, str(dump_file)], env=environment, check=False, stderr=subprocess.DEVNULL).returncode
        == 1
    )


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False).stdout
