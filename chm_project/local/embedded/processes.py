"""Run the servers' programs, and start servers that are detached from this terminal.

PostgreSQL refuses to run as root. If this process is root, an unprivileged account runs PostgreSQL.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from chm_project.local.embedded.errors import EmbeddedServersUnavailable

# The programs do not get this process's environment: it contains secrets, and PGPORT would change the server.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


def unprivileged_account() -> pwd.struct_passwd | None:
    """Return the account that runs PostgreSQL if this process is root; else None."""
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
    new_session: bool = False,
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
        start_new_session=new_session,
        umask=0o077,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )


def spawn(
    command: Sequence[str | Path], *, account: pwd.struct_passwd | None, log: IO[bytes], keep_open: Sequence[int]
) -> None:
    """Start a server that continues to run after this process ends, and does not receive Ctrl-C of this terminal."""
    run(
        ["/bin/sh", "-c", '"$@" &', "sh", *command],
        account=account,
        output=log,
        keep_open=keep_open,
        new_session=True,
    )
