import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chm_project.local.embedded import start_servers
from chm_project.local.embedded.folders import outside_path
from chm_project.local.embedded.postgres import Postgres
from chm_project.local.embedded.server import SharedServer
from chm_project.local.embedded.tests.holder import ProcessWithServers
from chm_project.local.embedded.valkey import Valkey


def running_servers(data_dir: Path) -> list[str]:
    servers: list[SharedServer] = [Postgres(data_dir), Valkey(data_dir)]
    return [server.name for server in servers if server.has_process()]


@pytest.fixture(scope="session")
def clean_up() -> Callable[[Path], None]:
    """Return a function that removes what the servers wrote outside their data folder.

    If a server still runs, the function stops it and fails.
    """

    def clean_up(data_dir: Path) -> None:
        still_running = running_servers(data_dir) if data_dir.exists() else []
        if still_running:
            # This uses the running servers. When nobody uses them any more, they stop.
            start_servers(data_dir=data_dir).release()
        shutil.rmtree(outside_path(data_dir), ignore_errors=True)
        assert still_running == []

    return clean_up


@contextmanager
def readable_folder() -> Iterator[Path]:
    """Yield a temporary folder that every account can read. Only one account can read pytest's folders."""
    with tempfile.TemporaryDirectory(prefix="chm-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def data_dir(tmp_path: Path, clean_up: Callable[[Path], None]) -> Iterator[Path]:
    folder = tmp_path / "chm"
    yield folder
    clean_up(folder)


@pytest.fixture(scope="session")
def reused_data_dir(tmp_path_factory: pytest.TempPathFactory, clean_up: Callable[[Path], None]) -> Iterator[Path]:
    """Yield one folder for all tests. A new folder per test would be slow."""
    folder = tmp_path_factory.mktemp("kept") / "chm"
    yield folder
    clean_up(folder)


@pytest.fixture
def start_process_with_servers() -> Iterator[Callable[..., ProcessWithServers]]:
    """Yield a function that starts a process which uses the servers. After the test, kill processes that still run."""
    processes: list[ProcessWithServers] = []

    def start(*args: object, **kwargs: object) -> ProcessWithServers:
        processes.append(ProcessWithServers(*args, **kwargs))  # type: ignore[arg-type]
        return processes[-1]

    yield start
    for process in processes:
        if process.process.poll() is None:
            process.signal_all(signal.SIGKILL)


@pytest.fixture(autouse=True)
def no_server_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHM_DATABASE_URL", "CHM_BROKER_URL", "CHM_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
