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
def forget() -> Callable[[Path], None]:
    """Fail if a server was left running in a folder, and remove what is kept outside of it."""

    def forget(data_dir: Path) -> None:
        left = running(data_dir) if data_dir.exists() else []
        if left:
            attach(data_dir=data_dir).release()
        shutil.rmtree(outside_path(data_dir), ignore_errors=True)
        assert left == []

    return forget


@contextmanager
def open_to_all() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="chm-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def data_dir(tmp_path: Path, forget: Callable[[Path], None]) -> Iterator[Path]:
    folder = tmp_path / "chm"
    yield folder
    forget(folder)


@pytest.fixture(scope="session")
def kept_data_dir(tmp_path_factory: pytest.TempPathFactory, forget: Callable[[Path], None]) -> Iterator[Path]:
    """One cluster for all tests that leave it as usable as they found it: cold starts cost most."""
    folder = tmp_path_factory.mktemp("kept") / "chm"
    yield folder
    forget(folder)


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
def no_addresses_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHM_DATABASE_URL", "CHM_BROKER_URL", "CHM_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
