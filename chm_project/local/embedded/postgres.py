"""The embedded PostgreSQL: a cluster per major version, reached through a unix socket that only its owner can open."""

import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from chm_project.local.embedded.binaries import copy_programs, postgres_programs
from chm_project.local.embedded.errors import EmbeddedServersUnavailable
from chm_project.local.embedded.folders import ENTER_ONLY, ROOT_FOLDER, outside_folder, private_folder, socket_folder
from chm_project.local.embedded.processes import run, unprivileged_account
from chm_project.local.embedded.server import SharedServer

ROLE = DATABASE = "chm"
SUPERUSER = "postgres"
PORT = 5432  # only part of the socket's name; explicit, so that PGPORT does not change it

SETTINGS = {
    "listen_addresses": "",  # no TCP, so the folder's permissions are the authentication
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    # Enough for the demo (web threads, worker, beat) and a parallel test run; unused slots cost little.
    "max_connections": "100",
    # PostgreSQL's own default, enough for the synthetic data, and it fits a small machine next to an IDE.
    "shared_buffers": "128MB",
    # A crash loses the last fraction of a second, never consistency (fsync stays on); commits need not wait for a disk.
    "synchronous_commit": "off",
    # Compiling short queries takes longer than running them.
    "jit": "off",
    "timezone": "UTC",
}


class Postgres(SharedServer):
    name = "postgresql"

    def prepare(self) -> None:
        self.account = unprivileged_account()
        self.home = self._prepare_home()
        if self.account:
            folder = private_folder(self.home / "run", owner=self.account)
        else:
            folder = socket_folder(self.home / "run", data_dir=self.data_dir)
        self.socket_path = folder / f".s.PGSQL.{PORT}"

    @property
    def url(self) -> str:
        # The only form that both libpq and django-environ read: HOST is empty, and OPTIONS names the socket's folder.
        return f"postgresql://{ROLE}@:{PORT}/{DATABASE}?host={quote(str(self.socket_path.parent), safe='')}"

    def connect_as_superuser(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.socket_path.parent),
            port=PORT,
            user=SUPERUSER,
            dbname="postgres",
            connect_timeout=5,
            autocommit=True,
        )

    def answers(self) -> bool:
        try:
            self.connect_as_superuser().close()
        except psycopg.OperationalError:
            return False
        return True

    def provision(self) -> None:
        role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
        with self.connect_as_superuser() as connection:
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE]).rowcount:
                # CREATEDB for test databases, CREATEROLE for the role of boards and BI users.
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE").format(role))
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))

    def command(self, alive: int) -> Sequence[str | Path]:
        programs = self._reachable_programs()
        major = int(_version(programs).split(".")[0])
        # A cluster per major version, so that a newer wheel never opens an older one's files.
        cluster = self.home / str(major)
        if not cluster.exists():
            self._create_cluster(programs, cluster, major, alive)
        # No process of CHM runs, so these files are from a killed server, and the pid may belong to another process.
        for stale in (cluster / "postmaster.pid", Path(f"{self.socket_path}.lock")):
            stale.unlink(missing_ok=True)
        rules = self.home / "pg_hba.conf"
        rules.write_text("local all all trust\n")
        rules.chmod(0o644)
        settings = SETTINGS | {
            "unix_socket_directories": str(self.socket_path.parent),
            "external_pid_file": str(self._pid_file),
            "hba_file": str(rules),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [programs / "postgres", "-D", cluster, *options]

    def request_stop(self) -> None:
        # SIGINT is PostgreSQL's fast shutdown, which disconnects clients. Sent as the account, so that root cannot
        # signal another process by mistake.
        with suppress(FileNotFoundError, ValueError):  # not written yet
            pid = int(self._pid_file.read_text())
            run(["/bin/sh", "-c", 'kill -INT "$1"', "sh", str(pid)], account=self.account)

    @property
    def _pid_file(self) -> Path:
        return self.socket_path.parent / "postmaster.pid"

    def _prepare_home(self) -> Path:
        """Return the cluster's folder: for root a folder that the account can reach, linked from `data_dir`."""
        link = self.data_dir / "postgresql"
        if not self.account:
            return private_folder(link)
        home = private_folder(outside_folder(self.data_dir) / "postgresql", mode=ENTER_ONLY)
        if link.is_symlink() and link.readlink() == home:
            return home
        if link.exists() and not link.is_symlink():
            raise EmbeddedServersUnavailable(
                f"{link} contains the cluster of an ordinary user. As root choose another CHM_DATA_DIR, or set "
                "CHM_DATABASE_URL."
            )
        # The data folder is new, so remove the cluster that a deleted data folder with the same path has left.
        # Renamed first, because deleting takes a while and may be interrupted.
        former = home.with_suffix(".forgotten")
        shutil.rmtree(former, ignore_errors=True)
        home.rename(former)
        shutil.rmtree(former, ignore_errors=True)
        link.unlink(missing_ok=True)
        link.symlink_to(private_folder(home, mode=ENTER_ONLY))
        return home

    def _reachable_programs(self) -> Path:
        programs = postgres_programs()
        if not self.account:
            return programs
        try:
            if run([programs / "initdb", "--version"], account=self.account).returncode == 0:
                return programs
        except PermissionError:
            pass
        # The checkout may be in a folder that the account cannot read, such as root's home.
        return copy_programs(programs, ROOT_FOLDER / f"programs-{programs.parent.parent.name}-{_version(programs)}")

    def _create_cluster(self, programs: Path, cluster: Path, major: int, alive: int) -> None:
        # Created under another name and renamed, so that an interrupted first start leaves no partial cluster.
        fresh = cluster.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        private_folder(fresh, owner=self.account)
        # PostgreSQL's own C.UTF-8 needs no locale of the system, and unlike plain C it can lower-case É.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        initdb = run(
            [
                *(programs / "initdb", "-D", fresh, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-instructions"),
                *(locale if major >= 17 else ["--locale=C.UTF-8"]),
            ],
            account=self.account,
            keep_open=[alive],
        )
        if initdb.returncode != 0:
            raise EmbeddedServersUnavailable(
                f"initdb failed; to use a PostgreSQL of your own instead, set CHM_DATABASE_URL.\n"
                f"{initdb.stdout.decode(errors='replace')}"
            )
        fresh.rename(cluster)


def _version(programs: Path) -> str:
    output = run([programs / "postgres", "--version"]).stdout.decode(errors="replace")
    version = re.search(r"\d+(\.\d+)?", output)
    if version is None:
        raise EmbeddedServersUnavailable(
            f"{programs / 'postgres'} does not run on this machine; set CHM_DATABASE_URL to use another.\n{output}"
        )
    return version[0]
