"""`make life`: simulate the life of an installation, with the scripts, units and commands of the operations guide.

1. The previous release runs with data. Programs read and write continuously until step 8.
2. This version is built, installed from its wheel and configured.
3. It backs up the database of the previous release.
4. `migrate` runs while the previous release serves.
5. Two web servers take over.
6. The previous release serves again for some seconds on the upgraded database, as in a rollback.
7. Worker and beat ingest from a partner.
8. Old runs are pruned.
9. A client is erased.
10. A backup is restored on a second machine, by the owner and by a superuser, and compared by hashes.
11. The second machine serves.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import requests
from psycopg import sql

from tools.bench.servers import ROOT, free_port
from tools.operate.servers import OWNER, READER, SUPERUSER, MachineServers, read_contents, run_command
from tools.operate.traffic import HEADERS, Traffic
from tools.operate.units import EXAMPLES, MachineFolders
from tools.package_check.__main__ import build_packages, copy_tracked_files, install
from tools.upgrade.__main__ import last_release

PRUNE_OLDER_THAN = "10d"
CONNECTIONS_TOML = """
[connections.partner]
connector = "generic"
base_url = "{address}/dbt"
auth = {{ kind = "bearer", secret_env = "PARTNER_TOKEN" }}
pipelines = {{ platform = "dbt" }}
interval_seconds = 1
"""
_LATEST_RUNS_HASH = """
SELECT md5(string_agg(p.id::text || coalesce(r.id::text, ''), '' ORDER BY p.id)) FROM pipelines AS p LEFT JOIN LATERAL (
    SELECT id FROM runs WHERE pipeline_id = p.id
    ORDER BY started_at DESC NULLS LAST, finished_at DESC NULLS LAST, id DESC LIMIT 1) AS r ON true
"""


def run_steps(*, short: bool) -> int:
    """Run all steps and print a table; return the exit status."""
    start_time = time.monotonic()
    # In /tmp, because the path of a unix socket may have at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="chm-life-", dir="/tmp") as name, ExitStack() as stack:
        life = Life(Path(name), stack, short=short)
        for step in (
            life.previous_release, life.install, life.back_up_the_previous_release, life.upgrade_while_it_serves,
            life.two_web_servers_take_over, life.roll_back_and_forward, life.ingest, life.prune, life.erase_a_client,
            life.restore_on_a_second_machine, life.serve_from_the_second_machine,
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


class Life:
    """An installation on two simulated machines, which are folders with servers; each step is a method."""

    def __init__(self, folder: Path, stack: ExitStack, *, short: bool) -> None:
        self.folder, self.stack, self.short = folder, stack, short
        self.faults: list[str] = []
        self._reported_failures = 0
        self.first_servers = MachineServers(folder / "a")
        stack.callback(self.first_servers.close)
        self.first_folders = self._configure("one", self.first_servers)
        self.log = stack.enter_context((folder / "log").open("ab"))
        print("| step | seconds | result |\n|---|--:|---|")

    def run_step(self, title: str, step: Callable[[], str]) -> None:
        start_time = time.monotonic()
        result = step()
        print(f"| {title} | {time.monotonic() - start_time:.1f} | {result} |", flush=True)

    def expect(self, condition: bool, fault: str) -> None:
        """Report the fault at the end if the condition is false."""
        if not condition:
            self.faults.append(fault)

    # The steps. Each returns its result as text for the table.

    def previous_release(self) -> str:
        name = last_release().name.removesuffix(".sql.xz")
        self.previous_folder = self.folder / "previous"
        self.previous_folder.mkdir()
        # A release is a tag; before the first release it is a commit.
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
        shutil.unpack_archive(archive, self.previous_folder)
        self._manage_previous("migrate", "--verbosity", "0")
        self._manage_previous("load_synthetic", "--end", "now")
        self._manage_previous("grant_reporting_role", READER)
        output = self._manage_previous("create_api_token", "life", "--scope", "write")
        # The command prints more than the token, which has the form chm_PREFIX_SECRET.
        self.token = next(word for word in output.split() if word.startswith("chm_") and word.count("_") == 2)
        self.previous_server = self._start_previous()
        self.traffic = Traffic(self.token)
        self.stack.callback(self.traffic.stop)
        self.traffic.start([self.previous_server.address])
        return f"{existing_revisions[0]}: {self._count('runs')} runs of {self._count('clients')} clients, serving"

    def install(self) -> str:
        tracked_files = copy_tracked_files(self.folder / "source")
        _, wheel = build_packages(self.folder / "source", self.folder)
        if self.short:
            _install_beside(wheel, self.folder / "installed")
        else:
            install(wheel, self.folder / "installed")
        self._chm("check-config")
        if not self.short:
            self._chm("collectstatic", "--no-input")
        return f"{wheel.name} of {len(tracked_files)} files; check-config finds no fault under the units' settings"

    def back_up_the_previous_release(self) -> str:
        dump = self._back_up()
        return f"{dump.name}: {dump.stat().st_size // 1024} kB by the owner"

    def upgrade_while_it_serves(self) -> str:
        answered_before = self.traffic.answered_count
        self._chm("migrate", "--verbosity", "0")
        self.traffic.wait_for_requests(40)
        self._chm("grant_reporting_role", READER)
        self._expect_no_loss("while the database was upgraded")
        answered_count = self.traffic.answered_count - answered_before
        return f"{answered_count} requests to the previous release meanwhile, {self.traffic.failures_text}"

    def two_web_servers_take_over(self) -> str:
        self.web_servers = [self._start_web(self.first_folders) for _ in range(2)]
        for web_server in self.web_servers:
            web_server.wait_until_ready("/ready")
        self.traffic.use_addresses([web_server.address for web_server in self.web_servers])
        self.previous_server.stop()
        self.traffic.wait_for_requests(40)
        health = requests.get(f"{self.web_servers[0].address}/health", timeout=10).json()
        self._expect_no_loss("when the new web servers took over")
        requests_text = f"{self.traffic.answered_count} requests until now, {self.traffic.failures_text}"
        return f"version {health['version']} on two ports; {requests_text}"

    def roll_back_and_forward(self) -> str:
        previous_server, answered_before = self._start_previous(), self.traffic.answered_count
        self.traffic.use_addresses([previous_server.address])
        self.traffic.wait_for_requests(40)
        served_count = self.traffic.answered_count - answered_before
        self.traffic.use_addresses([web_server.address for web_server in self.web_servers])
        previous_server.stop()
        self._expect_no_loss("while the previous release used the upgraded database")
        return f"{served_count} requests by the previous release on the upgraded database, {self.traffic.failures_text}"

    def ingest(self) -> str:
        of_dbt_pipelines = "pipeline_id IN (SELECT id FROM pipelines WHERE platform = 'dbt')"
        with self._partner() as address:
            (self.first_folders.etc / "connections.toml").write_text(CONNECTIONS_TOML.format(address=address))
            self._chm("check-config")
            run_count_before, deadline = self._count("runs", of_dbt_pipelines), time.monotonic() + 120
            worker, beat = self._start_unit("chm-worker@1"), self._start_unit("chm-beat")
            while time.monotonic() < deadline and self._count("runs", of_dbt_pipelines) == run_count_before:
                time.sleep(0.5)
            new_run_count = self._count("runs", of_dbt_pipelines) - run_count_before
            statuses = {"beat": beat.stop(), "worker": worker.stop()}
        walked_pipeline_count = self._count("pipelines", "last_ingest_at IS NOT NULL")
        self.expect(new_run_count > 0, "worker and beat ingested nothing")
        self.expect(not any(statuses.values()), f"a process did not end by itself: {statuses}")
        return f"{new_run_count} new runs of {walked_pipeline_count} pipelines, by worker and beat"

    def prune(self) -> str:
        self.traffic.stop()
        stored_run_ids = {
            row[0] for row in self._rows("SELECT external_run_id FROM runs WHERE external_run_id IS NOT NULL")
        }
        lost_run_ids = self.traffic.acknowledged - stored_run_ids
        self.expect(not lost_run_ids, f"{len(lost_run_ids)} acknowledged writes are not in the database")
        [latest_runs] = self._rows(_LATEST_RUNS_HASH)
        dry_run = json.loads(self._chm("prune_runs", "--older-than", PRUNE_OLDER_THAN, "--dry-run", "--json"))
        run_count_before = self._count("runs")
        self._chm("prune_runs", "--older-than", PRUNE_OLDER_THAN)
        deleted_count = run_count_before - self._count("runs")
        self.expect(self._rows(_LATEST_RUNS_HASH) == [latest_runs], "pruning changed a latest run")
        self.expect(
            deleted_count == dry_run["runs"] > 0,
            f"{deleted_count} runs were pruned, but the dry run announced {dry_run}",
        )
        pruned_text = f"{deleted_count} of {run_count_before} runs older than {PRUNE_OLDER_THAN}"
        return f"{pruned_text}, as the dry run announced; all {self.traffic.written_count} writes kept"

    def erase_a_client(self) -> str:
        kept_client_id = self.traffic.client_id
        [(name, run_count)] = self._rows(
            "SELECT c.name, count(r.id) FROM clients AS c JOIN pipelines AS p ON p.client_id = c.id"
            f" JOIN runs AS r ON r.pipeline_id = p.id WHERE c.id <> '{kept_client_id}'"
            " GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
        )
        run_count_before = self._count("runs")
        self._chm("erase_client", str(name), "--yes", str(name))
        self.expect(
            run_count_before - self._count("runs") == run_count, "too few or too many runs were deleted with the client"
        )
        self.expect(self._rows(f"SELECT 1 FROM clients WHERE name = '{name}'") == [], "the client is still there")
        self._chm("rollup", "--verify")
        return f"a client with {run_count} runs; the roll-up agrees"

    def restore_on_a_second_machine(self) -> str:
        for web_server in self.web_servers:
            self.expect(web_server.stop() == 0, "a web server did not end by itself")
        dump, original = self._back_up(), read_contents(self.first_servers.url())
        self.second_servers = MachineServers(self.folder / "b")
        self.stack.callback(self.second_servers.close)
        # CHM's owner cannot create this role itself: since PostgreSQL 16 only its creator and superusers may change it.
        with psycopg.connect(self.second_servers.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(READER)))
        self.second_servers.create("by_superuser")
        restore = str(EXAMPLES / "backup" / "restore.sh")
        run_command([restore, str(dump)], environment=self.second_servers.environment("chm", OWNER))
        run_command([restore, str(dump), OWNER], environment=self.second_servers.environment("by_superuser", SUPERUSER))
        for database in ("chm", "by_superuser"):
            for difference in original.differences(read_contents(self.second_servers.url(database))):
                self.faults.append(f"restored into {database}: {difference}")
        restored_digests = [
            read_contents(self.second_servers.url(database)).digest for database in ("chm", "by_superuser")
        ]
        self.expect(
            _is_restore_refused(restore, dump, self.second_servers),
            "a restore into a database with data was not refused",
        )
        return (
            f"by owner and by superuser: {len(original.relations)} relations and {len(original.schema)} lines of schema"
            f" and grants: hash {original.digest} before, {' and '.join(restored_digests)} restored"
        )

    def serve_from_the_second_machine(self) -> str:
        folders = self._configure("two", self.second_servers)
        shutil.copy(self.first_folders.etc / "secrets" / "chm_secret_key", folders.etc / "secrets")
        for command in (("migrate", "--check"), ("rebuild_reporting", "--check"), ("rollup", "--verify")):
            self._chm(*command, folders=folders)
        self._chm("grant_reporting_role", READER, folders=folders)
        web = self._start_web(folders)
        web.wait_until_ready("/ready")
        traffic = Traffic(self.token)
        traffic.start([web.address])
        traffic.wait_for_requests(40)
        traffic.stop()
        web.stop()
        self.expect(not traffic.failures, f"the second machine: {traffic.failures[:3]}")
        return f"{traffic.answered_count} requests with the token of the first machine, {traffic.failures_text}"

    # Helpers of the steps

    def _configure(self, name: str, servers: MachineServers) -> MachineFolders:
        etc_folder, state_folder = self.folder / name / "etc", self.folder / name / "state"
        (etc_folder / "secrets").mkdir(parents=True)
        state_folder.mkdir()
        shutil.copy(EXAMPLES / "systemd" / "chm.env", etc_folder)
        # A port on which nothing listens. The step `ingest` writes the partner's address.
        (etc_folder / "connections.toml").write_text(CONNECTIONS_TOML.format(address="http://127.0.0.1:9"))
        (etc_folder / "partners.env").write_text("PARTNER_TOKEN=life\n")
        secret_files = {
            "chm_secret_key": secrets.token_urlsafe(64),
            "chm_database_url": servers.url(),
            "chm_broker_url": servers.broker_url,
        }
        for file_name, value in secret_files.items():
            (etc_folder / "secrets" / file_name).write_text(value)
        return MachineFolders(self.folder / "installed" / "bin", etc_folder, state_folder)

    def _manage_previous(self, *arguments: str) -> str:
        return run_command([sys.executable, "manage.py", *arguments], environment=self._previous_environment(),
                   folder=self.previous_folder)  # fmt: skip

    def _previous_environment(self) -> dict[str, str]:
        secret_values = {name: (self.first_folders.etc / "secrets" / name.lower()).read_text()
                 for name in ("CHM_SECRET_KEY", "CHM_DATABASE_URL", "CHM_BROKER_URL")}  # fmt: skip
        return {"PATH": os.environ["PATH"], "CHM_DEBUG": "0", "CHM_ALLOWED_HOSTS": "chm.example.com,127.0.0.1",
                "CHM_DATA_DIR": str(self.folder / "a"), **secret_values}  # fmt: skip

    def _start_previous(self) -> "ServerProcess":
        port = free_port()
        server = ["-m", "chm_project.web_server", "--port", str(port)]
        if not (self.previous_folder / "chm_project" / "web_server").exists():
            # Releases without CHM's own web server used Waitress directly.
            server = ["-m", "waitress", f"--listen=127.0.0.1:{port}", "--threads=8", "chm_project.wsgi:application"]
        process = ServerProcess(
            [sys.executable, *server], self._previous_environment(), self.previous_folder, self.log, port
        )
        self.stack.callback(process.stop)
        process.wait_until_ready("/health")
        return process

    def _start_web(self, folders: MachineFolders) -> "ServerProcess":
        return self._start_unit(f"chm-web@{free_port()}", folders)

    def _start_unit(self, name: str, folders: MachineFolders | None = None) -> "ServerProcess":
        unit = (folders or self.first_folders).unit(name)
        port = int(unit.environment.get("CHM_PORT", "0"))
        process = ServerProcess(
            unit.command, {"PATH": os.environ["PATH"], **unit.environment}, unit.folder, self.log, port
        )
        self.stack.callback(process.stop)
        return process

    def _chm(self, *arguments: str, folders: MachineFolders | None = None) -> str:
        folders = folders or self.first_folders
        unit = folders.unit("chm-worker@1")  # the only unit that also has the secrets of connections
        environment = {"PATH": os.environ["PATH"], **unit.environment}
        return run_command([str(folders.programs / "chm"), *arguments], environment=environment, folder=unit.folder)

    def _back_up(self) -> Path:
        folder = self.folder / f"backup-{time.monotonic_ns()}"
        folder.mkdir()
        environment = self.first_servers.environment("chm", OWNER)
        return Path(run_command([str(EXAMPLES / "backup" / "backup.sh"), str(folder)], environment=environment).strip())

    @contextmanager
    def _partner(self) -> Iterator[str]:
        port = free_port()
        command = [str(self.first_folders.programs / "python"), "-m", "ingestion.synthetic.demo_partner",
                   "--port", str(port), "--token-env", "TOKEN"]  # fmt: skip
        process = ServerProcess(command, {"PATH": os.environ["PATH"], "TOKEN": "life"}, self.folder, self.log, port)
        try:
            # Wait until the partner listens.
            time.sleep(1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stop()

    def _expect_no_loss(self, when: str) -> None:
        """Report a fault if requests have failed since the last call."""
        new_failures, self._reported_failures = (
            self.traffic.failures[self._reported_failures :],
            len(self.traffic.failures),
        )
        self.expect(not new_failures, f"{len(new_failures)} requests failed {when}: {new_failures[:3]}")

    def _rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.first_servers.url()) as database:
            return database.execute(query.encode()).fetchall()

    def _count(self, table: str, condition: str = "true") -> int:
        return int(str(self._rows(f"SELECT count(*) FROM {table} WHERE {condition}")[0][0]))


class ServerProcess:
    """A running process that listens on a port of 127.0.0.1."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path, log: object, port: int) -> None:
        self._process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)  # type: ignore[call-overload]
        self.address = f"http://127.0.0.1:{port}"

    def wait_until_ready(self, path: str) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(requests.RequestException):
                if requests.get(self.address + path, headers=HEADERS, timeout=10).status_code == 200:
                    return
            time.sleep(0.1)
        sys.exit(f"{self.address}{path} does not answer with 200")

    def stop(self) -> int:
        """Stop the process and return its status. A second call only returns the status."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return int(self._process.wait(60))
        except subprocess.TimeoutExpired:
            self._process.kill()
            return int(self._process.wait())


def _install_beside(wheel: Path, environment: Path) -> None:
    """Install only the wheel into a new environment; other packages are imported from this environment."""
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index",
               "--disable-pip-version-check", str(wheel)]  # fmt: skip
    run_command(command, environment=dict(os.environ))
    [package_folder] = (environment / "lib").glob("python3*/site-packages")
    used_packages = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    # Python adds the folders in .pth files to its path.
    (package_folder / "beside.pth").write_text(f"{used_packages}\n")


def _is_restore_refused(restore: str, dump: Path, servers: MachineServers) -> bool:
    environment = servers.environment("chm", OWNER)
    return subprocess.run([restore, str(dump)], env=environment, check=False, stderr=subprocess.DEVNULL).returncode == 1


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False).stdout
