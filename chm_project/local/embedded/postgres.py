"""The embedded PostgreSQL: one data folder per major version, and a unix socket that only its owner can open."""

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
from chm_project.local.embedded.folders import (
    ENTER_ONLY_MODE,
    ROOT_FOLDER,
    outside_folder,
    private_folder,
    socket_folder,
)
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
    # PostgreSQL's default. It is enough for the synthetic data, and small enough for a laptop.
    "shared_buffers": "128MB",
    # Commits do not wait for the disk. A crash can lose the last fraction of a second; the data stays consistent.
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
        # The only form that both libpq and django-environ accept: an empty host, and the socket's folder in the query.
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

    def command(self, alive_lock_descriptor: int) -> Sequence[str | Path]:
        programs = self._reachable_programs()
        major = int(_version(programs).split(".")[0])
        # One cluster per major version, because a newer PostgreSQL cannot open the files of an older one.
        cluster = self.home / str(major)
        if not cluster.exists():
            self._create_cluster(programs, cluster, major, alive_lock_descriptor)
        # The server does not run, so a killed server left these files. The pid in them may belong to another process.
        for leftover in (cluster / "postmaster.pid", Path(f"{self.socket_path}.lock")):
            leftover.unlink(missing_ok=True)
        hba_file = self.home / "pg_hba.conf"
        hba_file.write_text("local all all trust\n")
        hba_file.chmod(0o644)
        settings = SETTINGS | {
            "unix_socket_directories": str(self.socket_path.parent),
            "external_pid_file": str(self._pid_file),
            "hba_file": str(hba_file),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [programs / "postgres", "-D", cluster, *options]

    def request_stop(self) -> None:
        # SIGINT is PostgreSQL's fast shutdown, which disconnects clients. The unprivileged account sends the signal,
        # because root could send it to a wrong process.
        with suppress(FileNotFoundError, ValueError):  # the server has not written its pid yet
            pid = int(self._pid_file.read_text())
            run(["/bin/sh", "-c", 'kill -INT "$1"', "sh", str(pid)], account=self.account)

    @property
    def _pid_file(self) -> Path:
        return self.socket_path.parent / "postmaster.pid"

    def _prepare_home(self) -> Path:
        """Return the folder for clusters. Root's is outside `data_dir`, so that the unprivileged account reaches it."""
        link = self.data_dir / "postgresql"
        if not self.account:
            return private_folder(link)
        home = private_folder(outside_folder(self.data_dir) / "postgresql", mode=ENTER_ONLY_MODE)
        if link.is_symlink() and link.readlink() == home:
            return home
        if link.exists() and not link.is_symlink():
            raise EmbeddedServersUnavailable(
                f"{link} contains the cluster of an ordinary user. As root choose another CHM_DATA_DIR, or set "
                "CHM_DATABASE_URL."
            )
        # No link leads to `home`, so the data folder is new. A cluster in `home` belongs to a deleted data folder that
        # had the same path. Remove it. Rename it first, because deleting it takes a while and can be interrupted.
        renamed_home = home.with_suffix(".forgotten")
        shutil.rmtree(renamed_home, ignore_errors=True)
        home.rename(renamed_home)
        shutil.rmtree(renamed_home, ignore_errors=True)
        link.unlink(missing_ok=True)
        link.symlink_to(private_folder(home, mode=ENTER_ONLY_MODE))
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

    def _create_cluster(self, programs: Path, cluster: Path, major: int, alive_lock_descriptor: int) -> None:
        # Create the cluster under another name and rename it, so that an interrupted start leaves no partial cluster.
        new_cluster = cluster.with_suffix(".new")
        shutil.rmtree(new_cluster, ignore_errors=True)
        private_folder(new_cluster, owner=self.account)
        # The builtin locale C.UTF-8 does not depend on the system. Unlike C, it can convert É to lower case.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        initdb = run(
            [
                *(
                    programs / "initdb",
                    "-D",
                    new_cluster,
                    "-U",
                    SUPERUSER,
                    "-A",
                    "trust",
                    "-E",
                    "UTF8",
                    "--no-instructions",
                ),
                *(locale if major >= 17 else ["--locale=C.UTF-8"]),
            ],
            account=self.account,
            keep_open=[alive_lock_descriptor],
        )
        if initdb.returncode != 0:
            raise EmbeddedServersUnavailable(
                f"initdb failed; to use a PostgreSQL of your own instead, set CHM_DATABASE_URL.\n"
                f"{initdb.stdout.decode(errors='replace')}"
            )
        new_cluster.rename(cluster)


def _version(programs: Path) -> str:
    output = run([programs / "postgres", "--version"]).stdout.decode(errors="replace")
    version = re.search(r"\d+(\.\d+)?", output)
    if version is None:
        raise EmbeddedServersUnavailable(
            f"{programs / 'postgres'} does not run on this machine; set CHM_DATABASE_URL to use another.\n{output}"
        )
    return version[0]
