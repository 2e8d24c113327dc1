"""Check the systemd units, nginx and Caddy files of docs/examples.

Parse the units too, so that tests can run their commands without systemd.

A unit has the settings of its own file and of common.conf, which is for all units. Without systemd, a process can have
the environment, secrets, folder and command of the unit, but not its isolation.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
UNITS_FOLDER = EXAMPLES / "systemd"
UNIT_NAMES = ("chm-web@8001", "chm-worker@1", "chm-beat")
# The limit for `systemd-analyze security`. 0 means that a unit is fully isolated, 100 that it is not isolated. CHM
# needs the network and some files, so it cannot reach 0.
MAX_EXPOSURE_TENTHS = 15


@dataclass(frozen=True, slots=True)
class Unit:
    """How to start the process of a unit."""

    command: list[str]
    environment: dict[str, str]
    folder: Path


class MachineFolders:
    """The folders of a simulated machine, which replace the folders that the units name.

    `programs` replaces /opt/chm/bin, `etc` replaces /etc/chm, and `state` replaces /var/lib/chm.
    """

    def __init__(self, programs: Path, etc: Path, state: Path) -> None:
        self.programs, self.etc, self.state = programs, etc, state

    def replace_folders(self, text: str) -> str:
        for unit_folder, folder in (
            ("/opt/chm/bin", self.programs),
            ("/etc/chm", self.etc),
            ("/var/lib/chm", self.state),
        ):
            text = text.replace(unit_folder, str(folder))
        return text

    def unit(self, service: str) -> Unit:
        """Return how `systemctl start SERVICE` would start the process."""
        unit_name, _, instance = service.partition("@")
        unit_file = UNITS_FOLDER / f"{unit_name}{'@' if instance else ''}.service"
        unit_settings = [*_settings(UNITS_FOLDER / "chm-.service.d" / "common.conf"), *_settings(unit_file)]
        environment, command, folder = dict[str, str](), list[str](), ""
        specifiers = {"%i": instance, "%d": str(self.etc / "secrets"), "%%": "%"}
        for key, raw_value in unit_settings:
            value = re.sub("%[id%]", lambda match: specifiers[match[0]], self.replace_folders(raw_value))
            match key:
                case "Environment":
                    name, _, content = value.partition("=")
                    environment[name] = content
                case "EnvironmentFile" if not value.startswith("-") or Path(value[1:]).exists():
                    environment |= dict(_settings(Path(value.removeprefix("-")), self))
                case "ExecStart":
                    command = shlex.split(value)
                case "WorkingDirectory":
                    folder = value
        return Unit(command, environment, Path(folder))


def _settings(path: Path, folders: MachineFolders | None = None) -> Iterator[tuple[str, str]]:
    for line in path.read_text().splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            yield key, folders.replace_folders(value) if folders else value


def check() -> int:
    """Check units, nginx and Caddy files with their own programs; return the exit status."""
    for program in ("systemd-analyze", "nginx", "caddy", "openssl"):
        if not _program_path(program):
            sys.exit(f"{program} is not installed: apt-get install systemd nginx-light caddy openssl")
    with tempfile.TemporaryDirectory(prefix="chm-units-") as name:
        folder = Path(name)
        faults = [*_unit_faults(folder), *_nginx_faults(folder), *_caddy_faults()]
    for fault in faults:
        print(fault)
    print(f"{len(UNIT_NAMES)} units, nginx and Caddy: {len(faults)} faults")
    return 1 if faults else 0


def _unit_faults(folder: Path) -> Iterator[str]:
    unit_folder = folder / "root" / "etc" / "systemd" / "system"
    shutil.copytree(UNITS_FOLDER, unit_folder)
    for path in unit_folder.glob("*.service"):
        # `systemd-analyze verify` fails if the program does not exist, so name one that exists.
        path.write_text(path.read_text().replace("/opt/chm/bin/python", sys.executable))
    services = [f"{name}.service" for name in UNIT_NAMES]
    verify_output = _output_of(["systemd-analyze", "verify", *(str(unit_folder / service) for service in services)])
    # systemd-analyze also reports faults of this machine's other units, which are ignored here.
    yield from (f"verify: {line}" for line in verify_output.splitlines() if "chm" in line)
    for service in services:
        output = _output_of(
            # With --offline, systemd-analyze reads only the files and needs no running systemd.
            ["systemd-analyze", "security", "--no-pager", "--offline=true", f"--root={folder / 'root'}",
             f"--threshold={MAX_EXPOSURE_TENTHS}", service],
            may_fail=True,
        )  # fmt: skip
        exposure = re.search(r"exposure level for \S+ ([\d.]+)", output)
        if exposure is None or float(exposure[1]) * 10 > MAX_EXPOSURE_TENTHS:
            yield f"security: {service} {output.strip()[-200:]}"
        else:
            print(f"{service}: exposure {exposure[1]} of 10 (at most {MAX_EXPOSURE_TENTHS / 10})")


def _nginx_faults(folder: Path) -> Iterator[str]:
    key_file, certificate_file = folder / "chm.key", folder / "chm.pem"
    _output_of(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=chm.example.com",
           "-keyout", str(key_file), "-out", str(certificate_file)])  # fmt: skip
    configuration = (EXAMPLES / "nginx" / "chm.conf").read_text()
    configuration = configuration.replace("/etc/ssl/certs/chm.pem", str(certificate_file)).replace(
        "/etc/ssl/private/chm.key", str(key_file)
    )
    configuration = configuration.replace("/var/log/nginx", str(folder))
    main_file = folder / "nginx.conf"
    # On a real machine nginx includes chm.conf in its http block.
    main_file.write_text(f"pid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{configuration}\n}}\n")
    output = _output_of([_program_path("nginx"), "-t", "-c", str(main_file)], may_fail=True)
    if "test is successful" not in output:
        yield f"nginx: {output.strip()}"


def _caddy_faults() -> Iterator[str]:
    output = _output_of(
        [
            _program_path("caddy"),
            "validate",
            "--adapter",
            "caddyfile",
            "--config",
            str(EXAMPLES / "caddy" / "Caddyfile"),
        ],
        may_fail=True,
    )
    if "Valid configuration" not in output:
        yield f"caddy: {output.strip()}"


def _program_path(program: str) -> str:
    return shutil.which(program, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") or ""


def _output_of(command: list[str], *, may_fail: bool = False) -> str:
    completed = subprocess.run(command, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # Ignore the exit status of `systemd-analyze verify`, because it also fails if units of other packages have faults.
    if completed.returncode and not may_fail and command[1] != "verify":
        sys.exit(f"{' '.join(command)} ended with status {completed.returncode}: {completed.stdout}")
    return completed.stdout
