"""An installation on a simulated machine: its folders, servers and units, and the commands that run on it."""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import requests

from tools.bench.servers import free_port
from tools.operate.servers import OWNER, MachineServers, run_command
from tools.operate.traffic import HEADERS
from tools.operate.units import EXAMPLES, MachineFolders

CONNECTIONS_TOML = """
[connections.partner]
connector = "generic"
base_url = "{address}/dbt"
auth = {{ kind = "bearer", secret_env = "PARTNER_TOKEN" }}
pipelines = {{ platform = "dbt" }}
interval_seconds = 1
"""


class SimulatedInstallation:
    """CHM on simulated machines. A simulated machine is a set of folders, a PostgreSQL server and a broker."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.previous_release_folder = folder / "previous"
        self.first_servers = MachineServers(folder / "one-servers")
        stack.callback(self.first_servers.close)
        self.first_folders = self.configure("one", self.first_servers)
        self.log = stack.enter_context((folder / "log").open("ab"))

    def configure(self, name: str, servers: MachineServers) -> MachineFolders:
        etc_folder, state_folder = self.folder / name / "etc", self.folder / name / "state"
        (etc_folder / "secrets").mkdir(parents=True)
        state_folder.mkdir()
        shutil.copy(EXAMPLES / "systemd" / "chm.env", etc_folder)
        # Nothing listens on port 9. The step `ingest` of life.py writes the address of the partner into this file.
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

    def manage_previous_release(self, *arguments: str) -> str:
        return run_command([sys.executable, "manage.py", *arguments], environment=self._previous_environment(),
                   folder=self.previous_release_folder)  # fmt: skip

    def _previous_environment(self) -> dict[str, str]:
        secret_values = {name: (self.first_folders.etc / "secrets" / name.lower()).read_text()
                 for name in ("CHM_SECRET_KEY", "CHM_DATABASE_URL", "CHM_BROKER_URL")}  # fmt: skip
        return {"PATH": os.environ["PATH"], "CHM_DEBUG": "0", "CHM_ALLOWED_HOSTS": "chm.example.com,127.0.0.1",
                "CHM_DATA_DIR": str(self.folder / "one-servers"), **secret_values}  # fmt: skip

    def start_previous_release(self) -> "ServerProcess":
        port = free_port()
        server = ["-m", "chm_project.web_server", "--port", str(port)]
        if not (self.previous_release_folder / "chm_project" / "web_server").exists():
            # Old releases have no chm_project.web_server. They use Waitress.
            server = ["-m", "waitress", f"--listen=127.0.0.1:{port}", "--threads=8", "chm_project.wsgi:application"]
        process = ServerProcess(
            [sys.executable, *server], self._previous_environment(), self.previous_release_folder, self.log, port
        )
        self.stack.callback(process.stop)
        process.wait_until_ready("/health")
        return process

    def start_web(self, folders: MachineFolders) -> "ServerProcess":
        return self.start_unit(f"chm-web@{free_port()}", folders)

    def start_unit(self, name: str, folders: MachineFolders | None = None) -> "ServerProcess":
        unit = (folders or self.first_folders).unit(name)
        port = int(unit.environment.get("CHM_PORT", "0"))
        process = ServerProcess(
            unit.command, {"PATH": os.environ["PATH"], **unit.environment}, unit.folder, self.log, port
        )
        self.stack.callback(process.stop)
        return process

    def chm(self, *arguments: str, folders: MachineFolders | None = None) -> str:
        folders = folders or self.first_folders
        # Use the settings of the worker's unit: only this unit has the secrets of connections.
        unit = folders.unit("chm-worker@1")
        environment = {"PATH": os.environ["PATH"], **unit.environment}
        return run_command([str(folders.programs / "chm"), *arguments], environment=environment, folder=unit.folder)

    def back_up(self) -> Path:
        folder = self.folder / f"backup-{time.monotonic_ns()}"
        folder.mkdir()
        environment = self.first_servers.environment("chm", OWNER)
        return Path(run_command([str(EXAMPLES / "backup" / "backup.sh"), str(folder)], environment=environment).strip())

    @contextmanager
    def partner(self) -> Iterator[str]:
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

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.first_servers.url()) as database:
            return database.execute(query.encode()).fetchall()

    def count(self, table: str, condition: str = "true") -> int:
        return int(str(self.rows(f"SELECT count(*) FROM {table} WHERE {condition}")[0][0]))


class ServerProcess:
    """A running process. A web server and a partner listen on `port` of 127.0.0.1. Other processes have port 0."""

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
        """Stop the process, if it is running, and return its exit status."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return int(self._process.wait(60))
        except subprocess.TimeoutExpired:
            self._process.kill()
            return int(self._process.wait())


def install_without_dependencies(wheel: Path, environment: Path) -> None:
    """Install the wheel into a new environment. It imports all other packages from the current environment."""
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index",
               "--disable-pip-version-check", str(wheel)]  # fmt: skip
    run_command(command, environment=dict(os.environ))
    [package_folder] = (environment / "lib").glob("python3*/site-packages")
    current_package_folder = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    # At its start, Python adds the folders in .pth files to its path.
    (package_folder / "beside.pth").write_text(f"{current_package_folder}\n")
