"""Check the systemd units of docs/examples with systemd's programs, and run their commands without systemd.

A unit has the settings of its own file and of the drop-in for all units. Without systemd a process gets the unit's
environment, credentials, folder and command, but not its isolation.
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
UNITS = EXAMPLES / "systemd"
UNIT_NAMES = ("chm-web@8001", "chm-worker@1", "chm-beat")
# The limit for `systemd-analyze security`, in tenths: 0 is fully isolated, 100 not at all. CHM needs network and files.
MAX_EXPOSURE = 15


@dataclass(frozen=True, slots=True)
class Unit:
    """How to start the process of a unit."""

    command: list[str]
    environment: dict[str, str]
    folder: Path


class UnitsRoot:
    """Folders to use instead of those in the units, for programs, configuration and state."""

    def __init__(self, programs: Path, etc: Path, state: Path) -> None:
        self.programs, self.etc, self.state = programs, etc, state

    def replace_folders(self, text: str) -> str:
        for place, folder in (("/opt/chm/bin", self.programs), ("/etc/chm", self.etc), ("/var/lib/chm", self.state)):
            text = text.replace(place, str(folder))
        return text

    def unit(self, service: str) -> Unit:
        """Return how `systemctl start SERVICE` would start the process."""
        kind, _, instance = service.partition("@")
        unit_file = UNITS / f"{kind}{'@' if instance else ''}.service"
        unit_settings = [*_settings(UNITS / "chm-.service.d" / "common.conf"), *_settings(unit_file)]
        environment, command, folder = dict[str, str](), list[str](), ""
        specifiers = {"%i": instance, "%d": str(self.etc / "secrets"), "%%": "%"}
        for key, text in unit_settings:
            value = re.sub("%[id%]", lambda match: specifiers[match[0]], self.replace_folders(text))
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


def _settings(path: Path, root: UnitsRoot | None = None) -> Iterator[tuple[str, str]]:
    for line in path.read_text().splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            yield key, root.replace_folders(value) if root else value


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
    system = folder / "root" / "etc" / "systemd" / "system"
    shutil.copytree(UNITS, system)
    for path in system.glob("*.service"):
        # systemd-analyze verify fails if a unit's program does not exist.
        path.write_text(path.read_text().replace("/opt/chm/bin/python", sys.executable))
    services = [f"{name}.service" for name in UNIT_NAMES]
    verify_output = _output_of(["systemd-analyze", "verify", *(str(system / service) for service in services)])
    # systemd-analyze also checks other units of this machine.
    yield from (f"verify: {line}" for line in verify_output.splitlines() if "chm" in line)
    for service in services:
        output = _output_of(
            # --offline checks the files without a running systemd.
            ["systemd-analyze", "security", "--no-pager", "--offline=true", f"--root={folder / 'root'}",
             f"--threshold={MAX_EXPOSURE}", service],
            may_fail=True,
        )  # fmt: skip
        level = re.search(r"exposure level for \S+ ([\d.]+)", output)
        if level is None or float(level[1]) * 10 > MAX_EXPOSURE:
            yield f"security: {service} {output.strip()[-200:]}"
        else:
            print(f"{service}: exposure {level[1]} of 10 (at most {MAX_EXPOSURE / 10})")


def _nginx_faults(folder: Path) -> Iterator[str]:
    key, certificate = folder / "chm.key", folder / "chm.pem"
    _output_of(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=chm.example.com",
           "-keyout", str(key), "-out", str(certificate)])  # fmt: skip
    text = (EXAMPLES / "nginx" / "chm.conf").read_text()
    text = text.replace("/etc/ssl/certs/chm.pem", str(certificate)).replace("/etc/ssl/private/chm.key", str(key))
    text = text.replace("/var/log/nginx", str(folder))
    main_file = folder / "nginx.conf"
    # On a real machine nginx includes chm.conf in its http block.
    main_file.write_text(f"pid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{text}\n}}\n")
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
    done = subprocess.run(command, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # `systemd-analyze verify` also fails because of faults in units of other packages.
    if done.returncode and not may_fail and command[1] != "verify":
        sys.exit(f"{' '.join(command)} ended with status {done.returncode}: {done.stdout}")
    return done.stdout
