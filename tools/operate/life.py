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
from tools.operate.servers import OWNER, READER, SUPERUSER, SimulatedMachine, contents, run
from tools.operate.traffic import HEADERS, Traffic
from tools.operate.units import EXAMPLES, UnitsRoot
from tools.package_check.__main__ import build_packages, copy_tracked_files, install
from tools.upgrade.__main__ import last_release

OLDER_THAN = "10d"
CONNECTIONS = """
[connections.partner]
connector = "generic"
base_url = "{address}/dbt"
auth = {{ kind = "bearer", secret_env = "PARTNER_TOKEN" }}
pipelines = {{ platform = "dbt" }}
interval_seconds = 1
"""
_LATEST = """
SELECT md5(string_agg(p.id::text || coalesce(r.id::text, ''), '' ORDER BY p.id)) FROM pipelines AS p LEFT JOIN LATERAL (
    SELECT id FROM runs WHERE pipeline_id = p.id
    ORDER BY started_at DESC NULLS LAST, finished_at DESC NULLS LAST, id DESC LIMIT 1) AS r ON true
"""


def live(*, short: bool) -> int:
    """Run all steps and print a table; return the exit status."""
    started = time.monotonic()
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
    print(f"| all | {time.monotonic() - started:.0f} | {len(life.faults)} faults |")
    for fault in life.faults:
        print(fault)
    return 1 if life.faults else 0


class Life:
    """An installation on a simulated machine; each step is a method."""

    def __init__(self, folder: Path, stack: ExitStack, *, short: bool) -> None:
        self.folder, self.stack, self.short = folder, stack, short
        self.faults: list[str] = []
        self._reported_failures = 0
        self.first = SimulatedMachine(folder / "a")
        stack.callback(self.first.close)
        self.machine = self._machine("one", self.first)
        self.log = stack.enter_context((folder / "log").open("ab"))
        print("| step | seconds | result |\n|---|--:|---|")

    def run_step(self, title: str, step: Callable[[], str]) -> None:
        started = time.monotonic()
        result = step()
        print(f"| {title} | {time.monotonic() - started:.1f} | {result} |", flush=True)

    def expect(self, condition: bool, fault: str) -> None:
        """Record the fault if the condition is false."""
        if not condition:
            self.faults.append(fault)

    # The steps. Each returns its result as text for the table.

    def previous_release(self) -> str:
        name = last_release().name.removesuffix(".sql.xz")
        self.previous_folder = self.folder / "previous"
        self.previous_folder.mkdir()
        # A release is a tag; before the first release it is a commit.
        candidates = (f"v{name}", name)
        revisions = [rev for rev in candidates if _git("rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}")]
        if not revisions:
            sys.exit(f"git has neither v{name} nor {name}, the last release: fetch the whole history")
        archive = self.folder / "previous.tar"
        _git("archive", f"--output={archive}", revisions[0])
        shutil.unpack_archive(archive, self.previous_folder)
        self._manage_previous("migrate", "--verbosity", "0")
        self._manage_previous("load_synthetic", "--end", "now")
        self._manage_previous("grant_reporting_role", READER)
        output = self._manage_previous("create_api_token", "life", "--scope", "write")
        # The command also prints a sentence. A token has the form chm_PREFIX_SECRET.
        self.token = next(word for word in output.split() if word.startswith("chm_") and word.count("_") == 2)
        self.previous_server = self._start_previous()
        self.traffic = Traffic(self.token)
        self.stack.callback(self.traffic.stop)
        self.traffic.start([self.previous_server.address])
        return f"{revisions[0]}: {self._count('runs')} runs of {self._count('clients')} clients, serving"

    def install(self) -> str:
        tracked = copy_tracked_files(self.folder / "source")
        _, wheel = build_packages(self.folder / "source", self.folder)
        if self.short:
            _install_beside(wheel, self.folder / "installed")
        else:
            install(wheel, self.folder / "installed")
        self._chm("check-config")
        if not self.short:
            self._chm("collectstatic", "--no-input")
        return f"{wheel.name} of {len(tracked)} files; check-config finds no fault under the units' settings"

    def back_up_the_previous_release(self) -> str:
        dump = self._back_up()
        return f"{dump.name}: {dump.stat().st_size // 1024} kB by the owner"

    def upgrade_while_it_serves(self) -> str:
        answered = self.traffic.answered
        self._chm("migrate", "--verbosity", "0")
        self.traffic.wait_for(40)
        self._chm("grant_reporting_role", READER)
        self._expect_no_loss("while the database was upgraded")
        return f"{self.traffic.answered - answered} requests to the previous release meanwhile, {self.traffic.failed}"

    def two_web_servers_take_over(self) -> str:
        self.web = [self._start_web(self.machine) for _ in range(2)]
        for each in self.web:
            each.wait("/ready")
        self.traffic.go_to([each.address for each in self.web])
        self.previous_server.stop()
        self.traffic.wait_for(40)
        health = requests.get(f"{self.web[0].address}/health", timeout=10).json()
        self._expect_no_loss("when the new web servers took over")
        version = health["version"]
        return f"version {version} on two ports; {self.traffic.answered} requests until now, {self.traffic.failed}"

    def roll_back_and_forward(self) -> str:
        previous_server, answered = self._start_previous(), self.traffic.answered
        self.traffic.go_to([previous_server.address])
        self.traffic.wait_for(40)
        served = self.traffic.answered - answered
        self.traffic.go_to([each.address for each in self.web])
        previous_server.stop()
        self._expect_no_loss("while the previous release used the upgraded database")
        return f"{served} requests by the previous release on the upgraded database, {self.traffic.failed}"

    def ingest(self) -> str:
        of_dbt_pipelines = "pipeline_id IN (SELECT id FROM pipelines WHERE platform = 'dbt')"
        with self._partner() as address:
            (self.machine.etc / "connections.toml").write_text(CONNECTIONS.format(address=address))
            self._chm("check-config")
            before, until = self._count("runs", of_dbt_pipelines), time.monotonic() + 120
            worker, beat = self._start_unit("chm-worker@1"), self._start_unit("chm-beat")
            while time.monotonic() < until and self._count("runs", of_dbt_pipelines) == before:
                time.sleep(0.5)
            new = self._count("runs", of_dbt_pipelines) - before
            statuses = {"beat": beat.stop(), "worker": worker.stop()}
        walked = self._count("pipelines", "last_ingest_at IS NOT NULL")
        self.expect(new > 0, "worker and beat ingested nothing")
        self.expect(not any(statuses.values()), f"a process did not end by itself: {statuses}")
        return f"{new} new runs of {walked} pipelines, by worker and beat"

    def prune(self) -> str:
        self.traffic.stop()
        stored = {row[0] for row in self._rows("SELECT external_run_id FROM runs WHERE external_run_id IS NOT NULL")}
        lost = self.traffic.acknowledged - stored
        self.expect(not lost, f"{len(lost)} acknowledged writes are not in the database")
        [latest] = self._rows(_LATEST)
        announced = json.loads(self._chm("prune_runs", "--older-than", OLDER_THAN, "--dry-run", "--json"))
        before = self._count("runs")
        self._chm("prune_runs", "--older-than", OLDER_THAN)
        deleted = before - self._count("runs")
        self.expect(self._rows(_LATEST) == [latest], "pruning changed a latest run")
        self.expect(
            deleted == announced["runs"] > 0, f"{deleted} runs were pruned, but the dry run announced {announced}"
        )
        writes = f"all {self.traffic.written} writes kept"
        return f"{deleted} of {before} runs older than {OLDER_THAN}, as the dry run announced; {writes}"

    def erase_a_client(self) -> str:
        kept_client_id = self.traffic.client_id
        [(name, runs)] = self._rows(
            "SELECT c.name, count(r.id) FROM clients AS c JOIN pipelines AS p ON p.client_id = c.id"
            f" JOIN runs AS r ON r.pipeline_id = p.id WHERE c.id <> '{kept_client_id}'"
            " GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
        )
        before = self._count("runs")
        self._chm("erase_client", str(name), "--yes", str(name))
        self.expect(before - self._count("runs") == runs, "too few or too many runs were deleted with the client")
        self.expect(self._rows(f"SELECT 1 FROM clients WHERE name = '{name}'") == [], "the client is still there")
        self._chm("rollup", "--verify")
        return f"a client with {runs} runs; the roll-up agrees"

    def restore_on_a_second_machine(self) -> str:
        for each in self.web:
            self.expect(each.stop() == 0, "a web server did not end by itself")
        dump, source = self._back_up(), contents(self.first.url())
        self.second = SimulatedMachine(self.folder / "b")
        self.stack.callback(self.second.close)
        # CHM's owner cannot create this role itself: since PostgreSQL 16 only its creator and superusers may change it.
        with psycopg.connect(self.second.url(), autocommit=True) as second:
            second.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(READER)))
        self.second.create("by_superuser")
        restore = str(EXAMPLES / "backup" / "restore.sh")
        run([restore, str(dump)], environment=self.second.environment("chm", OWNER))
        run([restore, str(dump), OWNER], environment=self.second.environment("by_superuser", SUPERUSER))
        for database in ("chm", "by_superuser"):
            for difference in source.differences(contents(self.second.url(database))):
                self.faults.append(f"restored into {database}: {difference}")
        restored = [contents(self.second.url(database)).digest for database in ("chm", "by_superuser")]
        self.expect(_refused(restore, dump, self.second), "a restore into a database with data was not refused")
        return (
            f"by owner and by superuser: {len(source.relations)} relations and {len(source.schema)} lines of schema"
            f" and grants: hash {source.digest} before, {' and '.join(restored)} restored"
        )

    def serve_from_the_second_machine(self) -> str:
        machine = self._machine("two", self.second)
        shutil.copy(self.machine.etc / "secrets" / "chm_secret_key", machine.etc / "secrets")
        for command in (("migrate", "--check"), ("rebuild_reporting", "--check"), ("rollup", "--verify")):
            self._chm(*command, machine=machine)
        self._chm("grant_reporting_role", READER, machine=machine)
        web = self._start_web(machine)
        web.wait("/ready")
        traffic = Traffic(self.token)
        traffic.start([web.address])
        traffic.wait_for(40)
        traffic.stop()
        web.stop()
        self.expect(not traffic.failures, f"the second machine: {traffic.failures[:3]}")
        return f"{traffic.answered} requests with the token of the first machine, {traffic.failed}"

    # Helpers of the steps

    def _machine(self, name: str, simulated: SimulatedMachine) -> UnitsRoot:
        etc, state = self.folder / name / "etc", self.folder / name / "state"
        (etc / "secrets").mkdir(parents=True)
        state.mkdir()
        shutil.copy(EXAMPLES / "systemd" / "chm.env", etc)
        # A port on which nothing listens. The step `ingest` writes the partner's address.
        (etc / "connections.toml").write_text(CONNECTIONS.format(address="http://127.0.0.1:9"))
        (etc / "partners.env").write_text("PARTNER_TOKEN=life\n")
        secret_files = {
            "chm_secret_key": secrets.token_urlsafe(64),
            "chm_database_url": simulated.url(),
            "chm_broker_url": simulated.broker_url,
        }
        for each, value in secret_files.items():
            (etc / "secrets" / each).write_text(value)
        return UnitsRoot(self.folder / "installed" / "bin", etc, state)

    def _manage_previous(self, *arguments: str) -> str:
        return run([sys.executable, "manage.py", *arguments], environment=self._previous_environment(),
                   folder=self.previous_folder)  # fmt: skip

    def _previous_environment(self) -> dict[str, str]:
        secret_values = {name: (self.machine.etc / "secrets" / name.lower()).read_text()
                 for name in ("CHM_SECRET_KEY", "CHM_DATABASE_URL", "CHM_BROKER_URL")}  # fmt: skip
        return {"PATH": os.environ["PATH"], "CHM_DEBUG": "0", "CHM_ALLOWED_HOSTS": "chm.example.com,127.0.0.1",
                "CHM_DATA_DIR": str(self.folder / "a"), **secret_values}  # fmt: skip

    def _start_previous(self) -> "Process":
        port = free_port()
        server = ["-m", "chm_project.web_server", "--port", str(port)]
        if not (self.previous_folder / "chm_project" / "web_server").exists():
            # Releases without CHM's own web server used Waitress directly.
            server = ["-m", "waitress", f"--listen=127.0.0.1:{port}", "--threads=8", "chm_project.wsgi:application"]
        process = Process([sys.executable, *server], self._previous_environment(), self.previous_folder, self.log, port)
        self.stack.callback(process.stop)
        process.wait("/health")
        return process

    def _start_web(self, machine: UnitsRoot) -> "Process":
        return self._start_unit(f"chm-web@{free_port()}", machine)

    def _start_unit(self, name: str, machine: UnitsRoot | None = None) -> "Process":
        unit = (machine or self.machine).unit(name)
        port = int(unit.environment.get("CHM_PORT", "0"))
        process = Process(unit.command, {"PATH": os.environ["PATH"], **unit.environment}, unit.folder, self.log, port)
        self.stack.callback(process.stop)
        return process

    def _chm(self, *arguments: str, machine: UnitsRoot | None = None) -> str:
        machine = machine or self.machine
        unit = machine.unit("chm-worker@1")  # the only unit that also has the secrets of connections
        environment = {"PATH": os.environ["PATH"], **unit.environment}
        return run([str(machine.programs / "chm"), *arguments], environment=environment, folder=unit.folder)

    def _back_up(self) -> Path:
        folder = self.folder / f"backup-{time.monotonic_ns()}"
        folder.mkdir()
        environment = self.first.environment("chm", OWNER)
        return Path(run([str(EXAMPLES / "backup" / "backup.sh"), str(folder)], environment=environment).strip())

    @contextmanager
    def _partner(self) -> Iterator[str]:
        port = free_port()
        command = [str(self.machine.programs / "python"), "-m", "ingestion.synthetic.demo_partner", "--port", str(port),
                   "--token-env", "TOKEN"]  # fmt: skip
        process = Process(command, {"PATH": os.environ["PATH"], "TOKEN": "life"}, self.folder, self.log, port)
        try:
            # Wait until the partner listens.
            time.sleep(1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stop()

    def _expect_no_loss(self, when: str) -> None:
        """Record as a fault the requests that failed since the last call."""
        new, self._reported_failures = self.traffic.failures[self._reported_failures :], len(self.traffic.failures)
        self.expect(not new, f"{len(new)} requests failed {when}: {new[:3]}")

    def _rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.first.url()) as database:
            return database.execute(query.encode()).fetchall()

    def _count(self, table: str, condition: str = "true") -> int:
        return int(str(self._rows(f"SELECT count(*) FROM {table} WHERE {condition}")[0][0]))


class Process:
    """A running process that listens on a port of 127.0.0.1."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path, log: object, port: int) -> None:
        self._process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)  # type: ignore[call-overload]
        self.address = f"http://127.0.0.1:{port}"

    def wait(self, path: str) -> None:
        until = time.monotonic() + 90
        while time.monotonic() < until and self._process.poll() is None:
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
    """Install the wheel into a new environment that uses the packages of this one."""
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index",
               "--disable-pip-version-check", str(wheel)]  # fmt: skip
    run(command, environment=dict(os.environ))
    [packages] = (environment / "lib").glob("python3*/site-packages")
    installed = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    # Python adds the folders in .pth files to its path.
    (packages / "beside.pth").write_text(f"{installed}\n")


def _refused(restore: str, dump: Path, simulated: SimulatedMachine) -> bool:
    environment = simulated.environment("chm", OWNER)
    return subprocess.run([restore, str(dump)], env=environment, check=False, stderr=subprocess.DEVNULL).returncode == 1


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False).stdout
