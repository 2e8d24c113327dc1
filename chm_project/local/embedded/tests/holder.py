"""A separate process that uses the servers of a data folder. Tests start, interrupt and kill it.

`python -m chm_project.local.embedded.tests.holder FOLDER [UID GID]` prints the URLs or an error as one line of JSON,
and runs until its standard input ends.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import cast

PROJECT = Path(__file__).resolve().parents[4]


class ProcessWithServers:
    def __init__(
        self, data_dir: Path, *, account: tuple[int, int] | None = None, packages_folder: Path | None = None
    ) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("CHM_", "DJANGO_"))}
        if packages_folder is not None:
            environment["PYTHONPATH"] = os.pathsep.join([str(packages_folder), environment.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, str(data_dir), *(str(number) for number in account or ())],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def read_urls(self) -> dict[str, str]:
        """Wait for the line of JSON and return it: "database_url" and "broker_url", or "error"."""
        assert self.process.stdout is not None
        return cast("dict[str, str]", json.loads(self.process.stdout.readline()))

    def stop(self) -> None:
        """Close the input of the process, and wait until the process ends."""
        self.process.communicate()

    def signal_all(self, signal_number: signal.Signals) -> None:
        """Signal the whole process group, like a terminal on Ctrl-C."""
        os.killpg(self.process.pid, signal_number)
        self.process.communicate()


def main() -> None:
    # Imported before the account changes, because the interpreter may be in a folder that only root can read.
    import chm_project.local.embedded.postgres
    import chm_project.local.embedded.valkey  # noqa: F401
    from chm_project.local.embedded import EmbeddedServersUnavailable, start_servers

    folder, *account = sys.argv[1:]
    if account:
        os.setgroups([])
        os.setgid(int(account[1]))
        os.setuid(int(account[0]))
    try:
        with start_servers(data_dir=Path(folder)) as servers:
            urls = {"database_url": servers.database_url, "broker_url": servers.broker_url}
            sys.stdout.write(json.dumps(urls) + "\n")
            sys.stdout.flush()
            sys.stdin.read()
    except EmbeddedServersUnavailable as error:
        sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
