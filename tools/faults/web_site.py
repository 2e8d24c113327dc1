"""A database, three web servers, a proxy for the first server, and a proxy for the first two servers."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import psycopg
import requests

from tools.bench.servers import ROOT, create_database, fill_inventory, free_port, manage
from tools.faults.installation import LocalInstallation

# Insert one run per hour for each of the pipelines `history 0` to `history 19`, so that reports are slow.
_INSERT_HISTORY = """
INSERT INTO runs (id, created_at, updated_at, pipeline_id, external_run_id, status, started_at, finished_at)
SELECT
    gen_random_uuid(), now(), now(), p.id, 'history-' || n, CASE WHEN n %% 17 = 0 THEN 'failed' ELSE 'success' END,
    now() - n * interval '1 hour', now() - n * interval '1 hour' + (n %% 3000) * interval '1 second'
FROM pipelines AS p, generate_series(1, %(hours)s) AS n
WHERE p.name LIKE 'history%%'
"""


# A shell script that passes a socket to a program as systemd does (sd_listen_fds(3)). LISTEN_PID must be the process id
# of the program. In the shell, $$ is this id, because `exec` keeps it.
_SOCKET_SCRIPT = 'exec 3<&"$0"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'


class WebProcess:
    """A process of `python -m chm_project.web_server`."""

    def __init__(self, installation: LocalInstallation, environment: dict[str, str]) -> None:
        self._installation, self._environment = installation, environment
        self._held_socket: socket.socket | None = None
        self.port = free_port()
        self.process = self.start()

    def hold_socket(self) -> None:
        """Listen on the port, as systemd does for a .socket unit. start() passes the socket to each new server."""
        self._held_socket = socket.socket()
        self._held_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held_socket.bind(("127.0.0.1", self.port))
        self._held_socket.listen(2_048)

    def start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "chm_project.web_server", "--port", str(self.port)]
        passed_descriptors = [self._held_socket.fileno()] if self._held_socket else []
        if passed_descriptors:
            command = ["bash", "-c", _SOCKET_SCRIPT, str(passed_descriptors[0]), *command]
        environment = {**os.environ, **self._environment}
        with self._installation.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, pass_fds=passed_descriptors
            )
        return self.process

    def stop(self) -> None:
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(40)

    def wait_until_ready(self) -> None:
        wait_until_ready(self.port)


class FaultSite:
    """Three web servers and two proxies with a new database. Closing `stack` stops them.

    `installation` has the servers of PostgreSQL and Valkey.
    """

    def __init__(self, installation: LocalInstallation, stack: ExitStack) -> None:
        self.installation = installation
        installation.database_url = create_database(installation._server_url, "chm_web_faults")
        # With the default rate limit per token, CHM would refuse some pings.
        self.environment = {
            **installation.environment,
            "CHM_PROXIES": "127.0.0.1",
            "CHM_THROTTLE_TOKEN": "1000000/minute",
        }
        manage("migrate", "--verbosity", "0", **self.environment)
        [self.pipeline_id, *_] = fill_inventory(
            installation.database_url, ["pipeline", *(f"history {n}" for n in range(20))]
        )
        self.ping_key = self._token("--scope", "ingest", "--pipeline", str(self.pipeline_id))
        self.read_token = self._token("--scope", "read")
        self.read_headers = {"Authorization": f"Bearer {self.read_token}"}
        self.web, self.second_web = (
            WebProcess(installation, self.environment),
            WebProcess(installation, self.environment),
        )
        # Only the probes send requests to this idle server. Its latency shows how busy the machine is.
        self.control = WebProcess(installation, self.environment)
        stack.callback(lambda: self.web.stop())
        stack.callback(lambda: self.second_web.stop())
        stack.callback(self.control.stop)
        self.proxy_port, self.port_of_shared_proxy = free_port(), free_port()
        for port, servers in ((self.proxy_port, [self.web]), (self.port_of_shared_proxy, [self.web, self.second_web])):
            stack.callback(_stop_process, self._start_nginx(port, [server.port for server in servers]))
        for port in (
            self.web.port,
            self.second_web.port,
            self.control.port,
            self.proxy_port,
            self.port_of_shared_proxy,
        ):
            wait_until_ready(port)

    def add_history(self, hours: int) -> None:
        with psycopg.connect(self.installation.database_url, autocommit=True) as connection:
            [count] = connection.execute(
                "SELECT count(*) FROM runs WHERE external_run_id LIKE 'history%'"
            ).fetchone() or [0]
            if not count:
                connection.execute(_INSERT_HISTORY, {"hours": hours})
                connection.execute("VACUUM ANALYZE runs")

    def _token(self, *arguments: str) -> str:
        output = manage("create_api_token", "drill", *arguments, **self.environment)
        match = re.search(r"chm_\w{8}_\w{40}", output)
        assert match is not None
        return match[0]

    def _start_nginx(self, port: int, server_ports: list[int]) -> "subprocess.Popen[bytes]":
        """Start nginx with the configuration of docker/nginx, changed for this machine.

        The lines `server web:8000` get the ports of `server_ports` in turn.
        """
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise SystemExit("nginx is not installed: apt-get install nginx-light")
        configuration_text = (ROOT / "docker" / "nginx" / "nginx.conf").read_text().replace("8080", str(port))
        for line_number in range(configuration_text.count("server web:8000")):
            configuration_text = configuration_text.replace(
                "server web:8000", f"server 127.0.0.1:{server_ports[line_number % len(server_ports)]}", 1
            )
        folder = self.installation.folder / f"nginx-{port}"
        folder.mkdir()
        configuration_text = configuration_text.replace("/tmp/nginx", f"{folder}/nginx")  # noqa: S108
        configuration_file = folder / "nginx.conf"
        configuration_file.write_text("daemon off;\n" + configuration_text)
        with self.installation.log.open("ab") as log:
            return subprocess.Popen([program, "-c", str(configuration_file)], stdout=log, stderr=log)

    def stored_run_ids(self) -> set[str]:
        with psycopg.connect(self.installation.database_url) as connection:
            rows = connection.execute("SELECT external_run_id FROM runs WHERE pipeline_id = %s", [self.pipeline_id])
            return {row[0] for row in rows.fetchall()}


def _stop_process(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(30)


def wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"http://127.0.0.1:{port}/ready", timeout=5).status_code == 200:
                return
        time.sleep(0.1)
    raise SystemExit("the web server is not ready")
