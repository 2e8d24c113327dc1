"""Test how a version is prepared for its release, and the reasons why it cannot be released."""

import subprocess
import tarfile
from pathlib import Path

import pytest

from tools.release import __main__ as release

CHANGELOG = """# Changelog

## Unreleased

### Added

- A thing.

## 0.1.0 - 2026-01-01

The first version.
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a git repository with version 0.1.0 and all files that a release needs; return its folder.

    One of these files is former.sql.xz, the dump of a previous release's database. It is empty.
    """
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "chm"\nversion = "0.1.0"\n')
    for lock in ("requirements.lock", "requirements-local.lock"):
        (tmp_path / lock).write_text("a==1 --hash=sha256:00\n")
    (tmp_path / "former.sql.xz").touch()
    monkeypatch.setattr(release, "ROOT", tmp_path)
    monkeypatch.setattr(release, "RELEASES", tmp_path)
    monkeypatch.setattr(release, "CHANGELOG", tmp_path / "CHANGELOG.md")
    monkeypatch.setattr(release, "PROJECT", tmp_path / "pyproject.toml")
    git(tmp_path, "init", "--quiet")
    commit_all(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=folder, check=True)


def commit_all(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "state")


def test_a_version_can_be_released_after_prepare_and_a_commit(project: Path) -> None:
    assert [line.partition(":")[0] for line in release.faults_of_the_commit()] == [
        "CHANGELOG.md has lines below Unreleased"
    ]

    assert release.prepare("0.2.0") == 0
    assert "the tree has changes that are not committed" in list(release.faults_of_the_commit())
    commit_all(project)

    assert list(release.faults_of_the_commit()) == []
    assert release.project_version() == "0.2.0"
    assert "- A thing." in release.notes_by_version()["0.2.0"]
    assert "A thing" not in release.notes_by_version()["Unreleased"]


@pytest.mark.parametrize("version", ["0.1.0", "two", "1.0"])
def test_prepare_refuses_an_existing_or_invalid_version_and_changes_nothing(project: Path, version: str) -> None:
    assert release.prepare(version) == 1
    assert (project / "CHANGELOG.md").read_text() == CHANGELOG


def test_a_version_with_a_tag_cannot_be_released_again(project: Path) -> None:
    release.prepare("0.2.0")
    commit_all(project)
    git(project, "tag", "v0.2.0")
    assert list(release.faults_of_the_commit()) == ["the tag v0.2.0 already exists"]


def test_two_archives_for_the_image_have_the_same_files(tmp_path: Path) -> None:
    tracked = ["manage.py", "docker/Dockerfile", "requirements.lock", "runs/tests/factories.py", ".ci/run"]
    for name in ("one", "two"):
        release.image_context(tracked, tmp_path / name)

    first, second = (archived_files(tmp_path / name) for name in ("one", "two"))
    assert first == second
    assert {"manage.py", "docker/Dockerfile", "requirements.lock"} <= set(first)
    assert ".ci/run" not in first


def archived_files(archive: Path) -> dict[str, tuple[int, int, int]]:
    """Return the size, the mode and the time of each file in the archive, by its name."""
    with tarfile.open(archive) as opened:
        return {member.name: (member.size, member.mode, int(member.mtime)) for member in opened.getmembers()}


@pytest.mark.parametrize("rehearse", [False, True])
def test_only_a_release_is_tagged_and_keeps_its_database(
    project: Path, rehearse: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    release.prepare("0.2.0")
    commit_all(project)

    def write_empty_packages(_source: Path, folder: Path) -> tuple[Path, Path]:
        sdist, wheel = folder / "chm-0.2.0.tar.gz", folder / "chm-0.2.0-py3-none-any.whl"
        sdist.touch()
        wheel.touch()
        return sdist, wheel

    monkeypatch.setattr(release, "copy_tracked_files", lambda _folder: [])
    monkeypatch.setattr(release, "build_packages", write_empty_packages)
    monkeypatch.setattr(release, "packaging_faults", lambda *_: [])
    for name in ("image_context", "bill_of_materials"):
        monkeypatch.setattr(release, name, lambda *_: None)
    capsys.readouterr()

    assert release.build(project / "release", rehearse=rehearse) == 0

    printed_text = capsys.readouterr().out
    assert ("git tag v0.2.0" in printed_text) is not rehearse
    assert ("add 0.2.0 to ORDER" in printed_text) is not rehearse
