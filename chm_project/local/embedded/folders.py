"""Folders for the servers' files: private to one account, and with paths that are short enough for a socket."""

import hashlib
import os
import pwd
import re
import stat
from pathlib import Path

from chm_project.local.embedded.errors import EmbeddedServersUnavailable

# The folder for servers that root starts. The unprivileged account that runs PostgreSQL can reach it.
ROOT_FOLDER = Path("/var/lib/chm")
# macOS allows 104 bytes for the path of a socket, Linux 108. The other bytes are for the name of the file.
MAX_SOCKET_FOLDER_LENGTH = 80
# Other accounts can enter the folder to reach their own folders in it, but cannot list its content.
ENTER_ONLY_MODE = 0o711


def prepare_data_dir(path: Path) -> Path:
    """Create the folder and return its absolute path. Raise EmbeddedServersUnavailable if another user owns it."""
    data_dir = path.expanduser().resolve()
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if data_dir.stat().st_uid != os.geteuid():
        raise EmbeddedServersUnavailable(
            f"{data_dir} belongs to another user, whose servers use it. Choose another folder with CHM_DATA_DIR, "
            "or set CHM_DATABASE_URL and CHM_BROKER_URL."
        )
    return data_dir


def private_folder(path: Path, *, owner: pwd.struct_passwd | None = None, mode: int = 0o700) -> Path:
    """Create a folder of `owner` (default: the account of this process) with the permissions `mode`; return its path.

    By default, only the owner can use the folder. Raise EmbeddedServersUnavailable if the folder exists with another
    owner, or with more permissions than `mode`.
    """
    uid = os.geteuid() if owner is None else owner.pw_uid
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        pass
    else:
        path.chmod(mode)  # independent of the umask
    if owner is not None and path.lstat().st_uid == os.geteuid():
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    # lstat() does not follow links: another user may have created a link here.
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != uid or status.st_mode & 0o777 & ~mode:
        raise EmbeddedServersUnavailable(
            f"{path} must be a folder of uid {uid} with permissions {mode:o}, and it is not. Remove it, or choose "
            "another CHM_DATA_DIR."
        )
    return path


def outside_path(data_dir: Path) -> Path:
    """Return the folder for files that cannot be in `data_dir`.

    It is used if the server cannot reach `data_dir`, if the path of `data_dir` is too long for a socket, or if a URL
    with this path would contain escaped characters.
    """
    key = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    if os.geteuid() == 0:
        return ROOT_FOLDER / key
    # Not XDG_RUNTIME_DIR or TMPDIR, because they differ between processes of a user, for example in cron.
    return Path("/tmp") / f"chm-{os.geteuid()}-{key}"  # noqa: S108  # private_folder() refuses a folder of another user


def outside_folder(data_dir: Path) -> Path:
    """Create the folder of outside_path and return it."""
    path = outside_path(data_dir)
    if os.geteuid() != 0:
        return private_folder(path)
    ROOT_FOLDER.parent.mkdir(parents=True, exist_ok=True)
    private_folder(ROOT_FOLDER, mode=0o755)
    return private_folder(path, mode=ENTER_ONLY_MODE)


def socket_folder(preferred: Path, *, data_dir: Path) -> Path:
    """Create the folder `preferred` and return its path.

    If this path is too long for a socket, or needs escaping in a URL, use a folder outside `data_dir` instead.
    """
    needs_no_escaping = re.fullmatch(r"[A-Za-z0-9_./-]+", str(preferred))
    if needs_no_escaping and len(str(preferred)) <= MAX_SOCKET_FOLDER_LENGTH:
        return private_folder(preferred)
    return private_folder(outside_folder(data_dir) / preferred.name)
