"""`make release`: write the files of a release into .chm/release/VERSION.

- `prepare VERSION` writes the version into pyproject.toml and CHANGELOG.md. Then commit both files.
- `build` checks the commit, and writes the files: wheel, sdist, requirements.lock, the files for the image, the files
  for operators, bill of materials, notes, and SHA256SUMS.
- `build --rehearse` does not check the commit, and also accepts changes that are not committed. The notes are the
  unreleased changes. The folder is .chm/release/VERSION-rehearsal.
"""

import argparse
import hashlib
import io
import json
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.package_check.__main__ import LOCK_FILE, build_packages, copy_tracked_files, packaging_faults, run_command
from tools.upgrade.__main__ import RELEASES

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG, PROJECT = ROOT / "CHANGELOG.md", ROOT / "pyproject.toml"
UNRELEASED = "Unreleased"
# The archive for operators contains the files whose paths begin with one of these texts.
OPERATIONS_PATHS = ("docs/operations/", "docs/examples/", "docs/settings.md", "docs/connectors.md", "docker/nginx/")
# Versions of releases and pre-releases, in the form of PEP 440.
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_CHANGELOG_SECTION = re.compile(
    r"^## (?P<name>\S+)(?: - (?P<date>\d{4}-\d{2}-\d{2}))?\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    prepare_parser = commands.add_parser("prepare", help="write version and date into pyproject.toml and CHANGELOG.md")
    prepare_parser.add_argument("version")
    build_parser = commands.add_parser("build", help="write the files of a release into .chm/release")
    build_parser.add_argument("--rehearse", action="store_true", help="build from any state of the tree")
    build_parser.add_argument("--into", type=Path, default=ROOT / ".chm" / "release")
    options = parser.parse_args()
    if options.command == "prepare":
        return prepare(options.version)
    return build(options.into, rehearse=options.rehearse)


def project_version() -> str:
    version_number: str = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"]
    return version_number


def prepare(new_version: str) -> int:
    """Write the version into pyproject.toml and the changelog; return the exit status."""
    sections = notes_by_version()
    if not _VERSION.fullmatch(new_version):
        return print_refusal([f"{new_version} is not a version such as 1.4.0 or 2.0.0rc1"])
    if new_version in sections:
        return print_refusal([f"CHANGELOG.md already has a section for {new_version}"])
    if not sections[UNRELEASED].strip():
        return print_refusal([f"CHANGELOG.md has no lines below {UNRELEASED}"])
    text = PROJECT.read_text(encoding="utf-8")
    PROJECT.write_text(
        text.replace(f'version = "{project_version()}"', f'version = "{new_version}"', 1), encoding="utf-8"
    )
    new_headings = f"## {UNRELEASED}\n\n## {new_version} - {datetime.now(UTC):%Y-%m-%d}\n"
    text = CHANGELOG.read_text(encoding="utf-8")
    CHANGELOG.write_text(text.replace(f"## {UNRELEASED}\n", new_headings, 1), encoding="utf-8")
    print(f"pyproject.toml and CHANGELOG.md now have {new_version}: check them, commit, then run make release")
    return 0


def notes_by_version() -> dict[str, str]:
    """Return the texts of the changelog by version. The key UNRELEASED has the changes since the last version."""
    return {
        match["name"]: match["text"] for match in _CHANGELOG_SECTION.finditer(CHANGELOG.read_text(encoding="utf-8"))
    }


def print_refusal(faults: list[str]) -> int:
    """Print the faults; return the exit status 1."""
    for fault in faults:
        print(f"no release: {fault}", file=sys.stderr)
    return 1


def faults_of_the_commit() -> Iterator[str]:
    """Yield reasons why this commit cannot be released."""
    sections, version_number = notes_by_version(), project_version()
    if git("status", "--porcelain"):
        yield "the tree has changes that are not committed"
    if not sections.get(version_number, "").strip():
        yield f"CHANGELOG.md has no section for {version_number}: run python -m tools.release prepare VERSION"
    if sections[UNRELEASED].strip():
        yield f"CHANGELOG.md has lines below {UNRELEASED}: run python -m tools.release prepare VERSION"
    if git("tag", "--list", f"v{version_number}"):
        yield f"the tag v{version_number} already exists"
    # Without hashes, pip would also accept a different file with the same version.
    for lock_file in ("requirements.lock", "requirements-local.lock"):
        if "--hash=sha256:" not in (ROOT / lock_file).read_text(encoding="utf-8"):
            yield f"{lock_file} has no hashes"
    if not any(RELEASES.glob("*.sql.xz")):
        yield "tools/upgrade/releases has no database of a previous release"


def build(into: Path, *, rehearse: bool) -> int:
    """Write the files of a release into a folder; return the exit status."""
    faults = [] if rehearse else list(faults_of_the_commit())
    if faults:
        return print_refusal(faults)
    version_number = project_version()
    release_folder = into / (f"{version_number}-rehearsal" if rehearse else version_number)
    shutil.rmtree(release_folder, ignore_errors=True)
    release_folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="chm-release-") as name:
        folder = Path(name)
        tracked_files = copy_tracked_files(folder / "source")
        sdist, wheel = build_packages(folder / "source", folder)
        faults = packaging_faults(tracked_files, sdist, wheel)
        if faults:
            return print_refusal(faults)
        for package in (sdist, wheel):
            shutil.copy(package, release_folder)
        shutil.copy(ROOT / LOCK_FILE, release_folder)
        image_context(tracked_files, release_folder / f"chm-{version_number}-image.tar.gz")
        operations_files = [name for name in tracked_files if name.startswith(OPERATIONS_PATHS)]
        write_archive(operations_files, release_folder / f"chm-{version_number}-operations.tar.gz")
        bill_of_materials(wheel, folder / "installed", release_folder / f"chm-{version_number}.cdx.json")
    text = notes_by_version()[UNRELEASED if rehearse else version_number].strip()
    commit = git("rev-parse", "HEAD").strip()
    (release_folder / "NOTES.md").write_text(
        f"# CHM {version_number}\n\nCommit {commit}.\n\n{text}\n", encoding="utf-8"
    )
    sums = [f"{sha256(path)}  {path.name}" for path in sorted(release_folder.iterdir())]
    (release_folder / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="utf-8")
    for path in sorted(release_folder.iterdir()):
        print(f"{path.stat().st_size / 1024:10,.0f} kB  {path.name}")
    print(release_folder)
    if not rehearse:
        print(
            f"next: git tag v{version_number}, then python -m tools.upgrade dump {version_number},"
            f" then add {version_number} to {(RELEASES / 'ORDER').relative_to(ROOT)}"
        )
    return 0


def image_context(tracked_files: list[str], path: Path) -> None:
    """Write an archive of the files that `docker build -f docker/Dockerfile - < ARCHIVE` needs."""
    # image_steps.py cannot be imported, because it does not belong to a package.
    image_steps = runpy.run_path(str(ROOT / "docker" / "image_steps.py"))
    is_ignored: Callable[[str, list[str]], bool] = image_steps["is_ignored"]
    patterns = (ROOT / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    # Dockerfile.dockerignore excludes the Dockerfile from the image, but the build needs the Dockerfile.
    write_archive(
        [name for name in tracked_files if name == "docker/Dockerfile" or not is_ignored(name, patterns)], path
    )


def write_archive(names: list[str], path: Path) -> None:
    """Write an archive of these files. Every archive of the same commit has the same files, modes and times."""
    commit_time = int(git("log", "-1", "--format=%ct"))
    with tarfile.open(path, "w:gz") as archive:
        for name in sorted(names):
            content = (ROOT / name).read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), commit_time
            # Git stores only whether a file is executable. The other bits of the mode differ from machine to machine.
            entry.mode = 0o755 if (ROOT / name).stat().st_mode & 0o100 else 0o644
            archive.addfile(entry, io.BytesIO(content))


def bill_of_materials(wheel: Path, environment: Path, path: Path) -> None:
    """Write a CycloneDX file that lists the packages of a new environment with the locked packages and the wheel."""
    venv.create(environment, with_pip=False)
    # The new environment has no pip, because the bill of materials would then list pip as a part of CHM.
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "install", "--quiet",
           "--disable-pip-version-check"]  # fmt: skip
    run_command([*pip, "--require-hashes", "-r", str(ROOT / LOCK_FILE)], cwd=environment)
    run_command([*pip, "--no-deps", str(wheel)], cwd=environment)
    run_command([sys.executable, "-m", "cyclonedx_py", "environment", str(environment), "--pyproject", str(PROJECT),
         "--mc-type", "application", "--spec-version", "1.6", "--output-reproducible", "--output-file", str(path)],
        cwd=environment)  # fmt: skip
    bill: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    locked_names = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / LOCK_FILE).read_text(encoding="utf-8"), re.MULTILINE))
    listed_names = {re.sub(r"[-_.]+", "-", component["name"]).lower() for component in bill["components"]}
    if unlocked_names := listed_names - locked_names - {"chm"}:
        sys.exit(f"the bill of materials has packages that the lock file lacks: {sorted(unlocked_names)}")
    names_without_licence = [component["name"] for component in bill["components"] if not component.get("licenses")]
    unlicensed_text = "".join([": " if names_without_licence else "", ", ".join(names_without_licence)])
    print(f"{path.name}: {len(listed_names)} packages, {len(names_without_licence)} without a licence{unlicensed_text}")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
