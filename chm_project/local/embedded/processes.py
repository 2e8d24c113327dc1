"""Run the servers' programs: not as root if they refuse it, and not in this terminal."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from chm_project.local.embedded.errors import EmbeddedServersUnavailable

# Without this process's environment: it contains secrets, and PGPORT or PGOPTIONS would change the server.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


def unprivileged_account() -> pwd.struct_passwd | None:
    """Return the account for PostgreSQL if this process is root, which PostgreSQL refuses; else None."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EmbeddedServersUnavailable(
        "PostgreSQL does not run as root and this machine has neither an account `postgres` nor `nobody`. "
        "Run CHM as an ordinary user, or set CHM_DATABASE_URL."
    )


def run(
    command: Sequence[str | Path],
    *,
    account: pwd.struct_passwd | None = None,
    output: IO[bytes] | int = subprocess.PIPE,
    keep_open: Sequence[int] = (),
    own_session: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603  # our own commands, no shell parses the paths
        [str(part) for part in command],
        check=False,
        cwd="/",  # the account may not read the current folder
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=keep_open,
        start_new_session=own_session,
        umask=0o077,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )


def spawn(
    command: Sequence[str | Path], *, account: pwd.struct_passwd | None, log: IO[bytes], keep_open: Sequence[int]
) -> None:
    """Start a server that survives this process: a child of init that Ctrl-C in this terminal does not reach."""
    run(
        ["/bin/sh", "-c", '"$@" &', "sh", *command],
        account=account,
        output=log,
        keep_open=keep_open,
        own_session=True,
    )
