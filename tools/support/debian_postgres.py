"""Run Debian's PostgreSQL 15 and PgBouncer in a temporary folder, on free ports."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pwd import getpwnam

PROGRAM_FOLDER = Path("/usr/lib/postgresql/15/bin")
PACKAGES = ("postgresql-15", "pgbouncer")
USER = "chm"


def install() -> None:
    """Install PostgreSQL and PgBouncer, if PostgreSQL or PgBouncer is missing."""
    if (PROGRAM_FOLDER / "postgres").exists() and shutil.which("pgbouncer", path="/usr/sbin:/usr/bin"):
        return
    # With RUNLEVEL=1, Debian does not start the services of the installed packages. sudo removes variables of its own
    # environment, so env sets them.
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    apt_get = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get"]
    for arguments in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *PACKAGES]):
        subprocess.run([*apt_get, *arguments], stdout=subprocess.DEVNULL, check=True)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a temporary folder. If this process is root, the folder belongs to the account `postgres`.

    PostgreSQL refuses to run as root, so root starts the servers with this account.
    """
    path = Path(tempfile.mkdtemp(prefix="chm-debian-"))
    try:
        if os.geteuid() == 0:
            account = getpwnam("postgres")
            os.chown(path, account.pw_uid, account.pw_gid)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def run_as_account(*command: object) -> None:
    """Run a program: as root with the account `postgres`, otherwise with the current account.

    Raise CalledProcessError if the program fails.
    """
    arguments = [str(word) for word in command]
    # The account `postgres` may have no access to the current folder, so run the program in /.
    subprocess.run([*_account_prefix(), *arguments], cwd="/", check=True, stdout=subprocess.DEVNULL)


@contextmanager
def postgres(folder: Path, settings: Mapping[str, str], *, is_new: bool = True) -> Iterator[str]:
    """Run a PostgreSQL server on 127.0.0.1 and yield the URL of its database `chm`.

    With `is_new`, first create the cluster and the database.
    """
    data_folder, port = folder / "data", free_port()
    if is_new:
        # "trust" means that the server asks for no password. It listens only on 127.0.0.1, and stops after the block.
        run_as_account(
            PROGRAM_FOLDER / "initdb", "-D", data_folder, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"
        )
    # JIT is off, because the queries of the tests are short: to compile them would take longer than to run them.
    options = {
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(folder),
        "jit": "off",
    }
    arguments = " ".join(f"-c {name}={value}" for name, value in (options | dict(settings)).items())
    run_as_account(PROGRAM_FOLDER / "pg_ctl", "-D", data_folder, "-l", folder / "log", "-w", "-o", arguments, "start")
    try:
        if is_new:
            run_as_account(PROGRAM_FOLDER / "createdb", "-h", "127.0.0.1", "-p", port, "-U", USER, "chm")
        yield f"postgresql://{USER}@127.0.0.1:{port}/chm"
    finally:
        # "immediate" stops without a checkpoint, which is faster. The data is deleted afterwards.
        run_as_account(PROGRAM_FOLDER / "pg_ctl", "-D", data_folder, "-m", "immediate", "-w", "stop")


@contextmanager
def pgbouncer(folder: Path, server_url: str) -> Iterator[str]:
    """Run PgBouncer in transaction mode and yield its URL.

    PgBouncer has only four sessions with PostgreSQL. So the transactions of one client often run in different sessions.
    """
    port, server_port = free_port(), server_url.rpartition(":")[2].partition("/")[0]
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(f"""
[databases]
* = host=127.0.0.1 port={server_port} user={USER}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 400
server_login_retry = 1
logfile = {folder / "pgbouncer.log"}
""")
    # The account `postgres`, which runs PgBouncer, must be able to read this file.
    configuration.chmod(0o644)
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
    process = subprocess.Popen([*_account_prefix(), str(program), "-q", str(configuration)], cwd="/")
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"postgresql://{USER}@127.0.0.1:{port}/chm"
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _account_prefix() -> list[str]:
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
