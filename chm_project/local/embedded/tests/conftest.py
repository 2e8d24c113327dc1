import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chm_project.local.embedded import attach
from chm_project.local.embedded.folders import outside_path
from chm_project.local.embedded.postgres import Postgres
from chm_project.local.embedded.server import SharedServer
from chm_project.local.embedded.tests.holder import Holder
from chm_project.local.embedded.valkey import Valkey


def running(data_dir: Path) -> list[str]:
    servers: list[SharedServer] = [Postgres(data_dir), Valkey(data_dir)]
    return [server.name for server in servers if server.alive()]


@pytest.fixture(scope="session")
def clean_up() -> Callable[[Path], None]:
    """Return a function that removes files outside of a data folder and fails if a server still runs in it."""

    def clean_up(data_dir: Path) -> None:
        left = running(data_dir) if data_dir.exists() else []
        if left:
            attach(data_dir=data_dir).release()
        shutil.rmtree(outside_path(data_dir), ignore_errors=True)
        assert left == []

    return clean_up


@contextmanager
def readable_folder() -> Iterator[Path]:
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
    """Return one folder for all tests that leave its servers usable, because creating a cluster takes the most time."""
    folder = tmp_path_factory.mktemp("kept") / "chm"
    yield folder
    clean_up(folder)


@pytest.fixture
def hold() -> Iterator[Callable[..., Holder]]:
    holders: list[Holder] = []

    def start(*args: object, **kwargs: object) -> Holder:
        holders.append(Holder(*args, **kwargs))  # type: ignore[arg-type]
        return holders[-1]

    yield start
    for holder in holders:
        if holder.process.poll() is None:
            holder.signal_all(signal.SIGKILL)


@pytest.fixture(autouse=True)
def no_server_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHM_DATABASE_URL", "CHM_BROKER_URL", "CHM_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
