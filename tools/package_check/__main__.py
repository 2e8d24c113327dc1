"""`make package-check`: build sdist and wheel, install the wheel outside the checkout, and test it.

The sdist is built from the files in git, and the wheel from the sdist. So a file that the sdist lacks is also missing
in the wheel, and the test finds that.
"""

import argparse
import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psycopg

from chm_project.local.embedded import start_missing_servers
from tools.bench.servers import ROOT, create_database

PRODUCT_PACKAGES = ("chm_project", "inventory", "runs", "alerting", "ingestion")
# Folders that do not belong to a Python package. The value is the folder below share/chm in the wheel.
SHARED_FOLDERS = {"templates/": "templates/", "data/synthetic/": "synthetic/"}
LOCK_FILE = "requirements.lock"


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    start_time = time.monotonic()
    start_missing_servers()
    database_url = create_database(os.environ["CHM_DATABASE_URL"], f"chm_package_{os.getpid()}")
    with tempfile.TemporaryDirectory(prefix="chm-package-") as name:
        folder = Path(name)
        try:
            tracked_files = copy_tracked_files(folder / "source")
            sdist, wheel = build_packages(folder / "source", folder)
            faults = packaging_faults(tracked_files, sdist, wheel)
            if faults:
                print("\n".join(faults))
                return 1
            installed = InstalledWheel(install(wheel, folder / "environment"), folder / "elsewhere", database_url)
            installed.test()
        finally:
            with psycopg.connect(os.environ["CHM_DATABASE_URL"], autocommit=True) as server:
                # FORCE closes the sessions of `chm serve`, some of which may still be open.
                server.execute(f"DROP DATABASE chm_package_{os.getpid()} WITH (FORCE)")
    print(f"sdist and wheel are complete, and the wheel works: {time.monotonic() - start_time:.0f} s")
    return 0


def copy_tracked_files(source: Path) -> list[str]:
    """Copy the files in git to `source`; return their names."""
    git_output = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    names = [name for name in git_output.split("\0") if name and (ROOT / name).is_file()]
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    return names


def build_packages(source: Path, folder: Path) -> tuple[Path, Path]:
    """Build the sdist from the source and the wheel from the sdist; return their paths."""
    build_code = "import sys; from setuptools import build_meta; print(build_meta.build_sdist(sys.argv[1]))"
    run_command([sys.executable, "-c", build_code, str(folder)], cwd=source)
    [sdist] = folder.glob("*.tar.gz")
    # With --no-index, pip downloads nothing. It uses the installed setuptools, whose version is in the lock file.
    run_command([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--wheel-dir", str(folder), str(sdist)], cwd=folder)  # fmt: skip
    [wheel] = folder.glob("*.whl")
    return sdist, wheel


def packaging_faults(tracked_files: list[str], sdist: Path, wheel: Path) -> list[str]:
    """Return a line for each file that the sdist or the wheel lacks, and for each file that it must not contain."""
    with zipfile.ZipFile(wheel) as archive:
        wheel_files = set(archive.namelist())
    with tarfile.open(sdist) as archive_of_source:
        sdist_files = {member.name.partition("/")[2] for member in archive_of_source.getmembers() if member.isfile()}
    # The name of this folder contains the version of CHM, such as chm-1.2.3.data.
    [data_folder] = {name.partition("/data/share/chm/")[0] for name in wheel_files if "/data/share/chm/" in name}
    faults = []
    for name in tracked_files:
        path_in_wheel = _path_in_wheel(name, f"{data_folder}/data/share/chm/")
        if path_in_wheel and path_in_wheel not in wheel_files:
            faults.append(f"the wheel lacks {path_in_wheel}")
        if path_in_wheel and name not in sdist_files:
            faults.append(f"the sdist lacks {name}")
    # Tests and tools are not part of the product.
    for package_name, package_files in (("wheel", wheel_files), ("sdist", sdist_files)):
        faults += [
            f"the {package_name} must not contain {name}"
            for name in sorted(package_files)
            if "tests" in Path(name).parts
        ]
        faults += [
            f"the {package_name} must not contain {name}" for name in sorted(package_files) if name.startswith("tools/")
        ]
    print(
        f"{wheel.name}: {len(wheel_files)} files, {wheel.stat().st_size // 1024} kB; "
        f"{sdist.name}: {len(sdist_files)} files"
    )
    return faults


def _path_in_wheel(name: str, shared_folder: str) -> str:
    """Return the path in the wheel of a file of the repository, or "" if the wheel must not contain the file."""
    for folder, wheel_folder in SHARED_FOLDERS.items():
        if name.startswith(folder):
            return shared_folder + wheel_folder + name.removeprefix(folder)
    is_product = name.split("/")[0] in PRODUCT_PACKAGES and "tests" not in Path(name).parts
    return name if is_product else ""


def install(wheel: Path, environment: Path) -> Path:
    """Install the locked packages and the wheel into a new environment; return the folder of its programs."""
    venv.create(environment, with_pip=True)
    programs = environment / "bin"
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run_command([*pip, "--require-hashes", "-r", str(ROOT / LOCK_FILE)], cwd=environment)
    run_command([*pip, "--no-deps", str(wheel)], cwd=environment)
    # `pip check` fails if the locked packages do not satisfy the requirements of the wheel.
    run_command([str(programs / "python"), "-m", "pip", "check"], cwd=environment)
    return programs


class InstalledWheel:
    """An installed wheel. Its commands run in a folder outside the checkout."""

    def __init__(self, programs: Path, folder: Path, database_url: str) -> None:
        folder.mkdir()
        self._programs, self._folder = programs, folder
        self._environment = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": str(folder),
            "CHM_DATABASE_URL": database_url,
            "CHM_BROKER_URL": os.environ["CHM_BROKER_URL"],
            "CHM_DEBUG": "0",
        }

    def test(self) -> None:
        """Test the most important commands: migrate, load data, collect static files, serve pages."""
        self._chm("migrate", "--verbosity", "0")
        self._chm("check")
        self._chm("rebuild_reporting", "--check")
        assert "usage: chm ingest_runs" in self._chm("ingest_runs", "--help")
        assert "2500 created" in self._chm("load_synthetic")
        template_code = (
            "from django.template.loader import get_template as find; print(find('console/pipeline.html').origin)"
        )
        # Django must find the template in the new environment, not in the checkout.
        assert str(self._programs.parent) in self._chm("shell", "--command", template_code)
        production_settings = {
            "DJANGO_SETTINGS_MODULE": "chm_project.settings.production",
            "CHM_SECRET_KEY": secrets.token_urlsafe(64),
            "CHM_ALLOWED_HOSTS": "127.0.0.1",
            # collectstatic does not use these servers, but production settings require their addresses.
            "CHM_DATABASE_URL": "postgresql:///none",
            "CHM_BROKER_URL": "redis://localhost/0",
        }
        print(self._chm("collectstatic", "--no-input", **production_settings).strip())
        with self._web_server() as address:
            with urlopen(f"{address}/admin/login/") as response:
                page = response.read().decode()
            assert "csrfmiddlewaretoken" in page
            assert "/static/console/console.css" in page
            with urlopen(f"{address}/static/console/console.css") as response:
                assert response.status == 200

    def _chm(self, *arguments: str, **environment: str) -> str:
        return run_command(
            [str(self._programs / "chm"), *arguments], cwd=self._folder, env={**self._environment, **environment}
        )

    @contextlib.contextmanager
    def _web_server(self) -> Iterator[str]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        process = subprocess.Popen(
            [str(self._programs / "chm"), "serve"], cwd=self._folder, env={**self._environment, "CHM_PORT": port}
        )
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(120):
                with contextlib.suppress(URLError, ConnectionError):
                    urlopen(f"{address}/health").close()
                    break
                time.sleep(0.5)
            yield address
        finally:
            process.terminate()
            process.wait(30)


def run_command(command: list[str], *, cwd: Path, env: dict[str, str] | None = None) -> str:
    completed = subprocess.run(
        command, cwd=cwd, env=env, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if completed.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with status {completed.returncode}:\n{completed.stdout}")
    return completed.stdout


if __name__ == "__main__":
    sys.exit(main())
