"""Generate the packages in clients/ from the contract document."""

import filecmp
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
DOCUMENT = ROOT / "docs" / "contracts" / "openapi.yaml"
RELEASED_DOCUMENT = ROOT / "docs" / "contracts" / "openapi-released.yaml"
ACCEPTED_CHANGES_FILE = ROOT / "docs" / "contracts" / "accepted-breaking-changes.txt"
PACKAGES_FOLDER = ROOT / "clients"
# The folder of the npm packages that `make contract` installs.
NPM_FOLDER = ROOT / ".chm" / "contract"


def contract(path: Path = DOCUMENT) -> dict[str, Any]:
    """Return a contract document, by default the current one."""
    parsed: dict[str, Any] = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)  # much faster than safe_load
    return parsed


def run_npm_program(program: str, *arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a program of the installed npm packages; return its status and output."""
    return subprocess.run(
        [NPM_FOLDER / "node_modules" / ".bin" / program, *arguments],
        cwd=cwd, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def generate(folder: Path) -> None:
    """Generate the packages `python` and `typescript` in the folder. Replace the packages that are already there."""
    _generate_python(folder / "python")
    _generate_typescript(folder / "typescript")


def _generate_python(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    generator = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "uv", "--path", DOCUMENT,
         "--output-path", folder, "--config", HERE / "python.yaml", "--custom-template-path", HERE / "templates",
         "--fail-on-warning"],
        check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if generator.returncode:
        raise SystemExit(generator.stdout)
    (folder / ".gitignore").unlink()


def _generate_typescript(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "typescript", folder)
    package = folder / "package.json"
    package.write_text(package.read_text().replace("VERSION", contract()["info"]["version"]))
    generator = run_npm_program("openapi-typescript", DOCUMENT, "-o", folder / "src" / "schema.ts")
    if generator.returncode:
        raise SystemExit(generator.stdout)


def differences(first_folder: Path, second_folder: Path) -> list[str]:
    """Return the paths of the files that are not the same in both folders, or exist in only one folder."""
    paths = {
        path.relative_to(folder)
        for folder in (first_folder, second_folder)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return sorted(
        str(path)
        for path in paths
        if not (first_folder / path).is_file()
        or not (second_folder / path).is_file()
        # Compare the content: by default filecmp compares only size and time, and the times always differ.
        or not filecmp.cmp(first_folder / path, second_folder / path, shallow=False)
    )
