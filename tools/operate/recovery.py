"""Test point-in-time recovery (docs/operations/backup.md) with a base backup and an archive of WAL files.

1. A PostgreSQL server archives its WAL files, and a base backup is made.
2. Runs are stored. Then all runs are deleted, as if by mistake.
3. A second server recovers to the moment before the deletion. It must have all runs.
"""

import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg

from chm_project.local.embedded.binaries import copy_programs, postgres_programs
from chm_project.local.embedded.processes import run as run_as_account
from chm_project.local.embedded.processes import unprivileged_account
from tools.bench.servers import ROOT
from tools.operate.servers import DatabaseContents, read_contents, run_command

_ARCHIVE_COMMAND = "test ! -f {archive}/%f && cp %p {archive}/%f"
# The servers use only unix sockets. fsync is off, because the data is deleted after the test.
_SERVER_SETTINGS = "listen_addresses= fsync=off archive_mode=on archive_timeout=60"


def drill() -> int:
    """Delete all runs, recover the database to the moment before the deletion, and compare; return the exit status."""
    started = time.monotonic()
    # Use /tmp, because its path is short: the path of a unix socket may have at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="chm-pitr-", dir="/tmp") as temporary_path, ExitStack() as stack:
        clusters = Clusters(Path(temporary_path), stack)
        clusters.start("one")
        url = clusters.url("one")
        environment = {**os.environ, "CHM_DATABASE_URL": url, "CHM_BROKER_URL": ""}
        run_command([sys.executable, "manage.py", "migrate", "--verbosity", "0"], environment=environment, folder=ROOT)
        clusters.base_backup()
        run_command([sys.executable, "manage.py", "load_synthetic"], environment=environment, folder=ROOT)
        contents_before, recovery_target_time = read_contents(url), clusters.take_recovery_target_time()
        with psycopg.connect(url) as database:
            deleted_count = database.execute("DELETE FROM runs").rowcount
        clusters.archive_last_wal_file()
        clusters.recover(recovery_target_time)
        contents_after: DatabaseContents = read_contents(clusters.url("two"))
        differences = contents_before.differences(contents_after)
    for difference in differences:
        print(difference)
    print(
        f"{deleted_count} runs deleted by mistake, recovered to {recovery_target_time}:"
        f" hash {contents_before.digest} before, {contents_after.digest} after; {len(differences)} differences,"
        f" {time.monotonic() - started:.0f} s"
    )
    return 1 if differences else 0


class Clusters:
    """Two PostgreSQL clusters, `one` and `two`. Cluster `two` recovers from the base backup and archive of `one`."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack, self.account = folder, stack, unprivileged_account()
        self.programs = postgres_programs()
        self.archive = folder / "archive"
        self.archive.mkdir()
        if self.account:
            self.programs = copy_programs(self.programs, folder / "programs")
            for path in (folder, self.archive):
                shutil.chown(path, self.account.pw_uid, self.account.pw_gid)
        self._run_program("initdb", "-D", folder / "one", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")

    def url(self, name: str) -> str:
        return f"postgresql://postgres@:{self._port(name)}/postgres?host={self.folder}"

    def start(self, name: str) -> None:
        archive = _ARCHIVE_COMMAND.format(archive=self.archive)
        options = " ".join(f"-c {setting}" for setting in _SERVER_SETTINGS.split())
        options += f" -c unix_socket_directories={self.folder} -c port={self._port(name)}"
        options += f" -c archive_command='{archive}'"
        self._run_program(
            "pg_ctl", "-D", self.folder / name, "-l", self.folder / f"{name}.log", "-w", "-o", options, "start"
        )
        self.stack.callback(self._run_program, "pg_ctl", "-D", self.folder / name, "-m", "immediate", "stop")

    def take_recovery_target_time(self) -> str:
        """Return the current time of the server. Wait until the times of later transactions are greater."""
        with psycopg.connect(self.url("one"), autocommit=True) as database:
            [recovery_target_time] = database.execute("SELECT clock_timestamp()::text").fetchone() or [""]
            database.execute("SELECT pg_sleep(0.1)")
        return str(recovery_target_time)

    def base_backup(self) -> None:
        self._run_program("pg_basebackup", "-D", self.folder / "two", "-h", self.folder, "-p", self._port("one"),
                 "-U", "postgres", "--checkpoint=fast")  # fmt: skip

    def archive_last_wal_file(self) -> None:
        """Switch to a new WAL file, so that PostgreSQL archives the current one. Wait until it is in the archive."""
        with psycopg.connect(self.url("one"), autocommit=True) as database:
            [name] = database.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone() or [""]
        deadline = time.monotonic() + 60
        while not (self.archive / str(name)).exists():
            if time.monotonic() > deadline:
                sys.exit(f"{name} was not archived: {(self.folder / 'one.log').read_text()[-500:]}")
            time.sleep(0.1)

    def recover(self, recovery_target_time: str) -> None:
        """Start the cluster `two` and wait until it has recovered to this time."""
        settings = self.folder / "two" / "postgresql.auto.conf"
        with settings.open("a") as file:
            file.write(f"restore_command = 'cp {self.archive}/%f %p'\n")
            file.write(f"recovery_target_time = '{recovery_target_time}'\nrecovery_target_action = 'promote'\n")
        signal = self.folder / "two" / "recovery.signal"
        signal.touch()
        if self.account:
            shutil.chown(signal, self.account.pw_uid, self.account.pw_gid)
        self.start("two")
        with psycopg.connect(self.url("two"), autocommit=True) as database:
            deadline = time.monotonic() + 60
            while database.execute("SELECT pg_is_in_recovery()").fetchone() != (False,):
                if time.monotonic() > deadline:
                    sys.exit("the recovery did not end")
                time.sleep(0.1)

    def _port(self, name: str) -> str:
        # The servers do not listen on TCP ports. The number is only a part of a socket's name in a new folder, so it is
        # always free.
        return {"one": "5433", "two": "5434"}[name]

    def _run_program(self, program: str, *arguments: str | Path) -> None:
        with (self.folder / f"{program}.output").open("wb") as output:
            completed = run_as_account([self.programs / program, *arguments], account=self.account, output=output)
        if completed.returncode != 0:
            sys.exit(
                f"{program} ended with status {completed.returncode}: {(self.folder / f'{program}.output').read_text()}"
            )
