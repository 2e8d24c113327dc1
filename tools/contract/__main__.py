"""python -m tools.contract COMMAND: check the API's contract document, docs/contracts/openapi.yaml.

- lint: run two linters.
- compare: find changes that break the clients of the last release.
- clients: generate the client packages in clients/.
- check: fail if the packages in clients/ are not up to date.
- round-trip: test the client packages with a running server.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.contract.comparison import breaking_changes, major
from tools.contract.generate import (
    ACCEPTED_CHANGES_FILE,
    DOCUMENT,
    HERE,
    NPM_FOLDER,
    PACKAGES_FOLDER,
    RELEASED_DOCUMENT,
    contract,
    differences,
    generate,
    run_npm_program,
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.contract", description=__doc__)
    parser.add_argument("command", choices=["lint", "compare", "clients", "check", "round-trip"])
    command = parser.parse_args().command
    function_by_command = {
        "lint": lint, "compare": compare, "clients": lambda: generate(PACKAGES_FOLDER), "check": check,
        "round-trip": round_trip,
    }  # fmt: skip
    function_by_command[command]()


def lint() -> None:
    """Check the document with the linters spectral and redocly; fail if a linter reports an error or a warning."""
    spectral = run_npm_program(
        "spectral", "lint", DOCUMENT, "--ruleset", HERE / "spectral.yaml", "--fail-severity", "hint"
    )
    redocly = run_npm_program("redocly", "lint", DOCUMENT, "--config", HERE / "redocly.yaml", "--max-problems", "20")
    # redocly ends with status 0 if it has only warnings.
    warnings = re.search(r"(\d+) warnings?", redocly.stdout)
    if spectral.returncode or redocly.returncode or warnings:
        raise SystemExit(f"{spectral.stdout}\n{redocly.stdout}")
    print("spectral: no problem\nredocly: no problem")


def compare() -> None:
    """Fail if the contract breaks clients of the last release.

    A breaking change needs a new major version, or a line in accepted-breaking-changes.txt.
    """
    released, current = contract(RELEASED_DOCUMENT), contract()
    breaking = breaking_changes(released, current)
    accepted = [line for line in ACCEPTED_CHANGES_FILE.read_text().splitlines() if line and not line.startswith("#")]
    if outdated := sorted(set(accepted) - set(breaking)):
        raise SystemExit("\n".join((f"{ACCEPTED_CHANGES_FILE.name} accepts changes that do not exist:", *outdated)))
    not_accepted = [change for change in breaking if change not in accepted]
    print("\n".join(not_accepted) or f"no breaking change since the last release except {len(accepted)} accepted ones")
    if not_accepted and major(current) == major(released):
        raise SystemExit(
            f"{len(not_accepted)} breaking changes, but the version is {current['info']['version']}. Undo them, "
            "raise the major number of `version` in pyproject.toml, or accept them with a reason "
            f"in {ACCEPTED_CHANGES_FILE.name}."
        )


def check() -> None:
    """Generate the clients into a temporary folder and compare them with the committed ones."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        outdated_files = differences(PACKAGES_FOLDER, Path(folder))
    if outdated_files:
        raise SystemExit(f"clients/ is not up to date ({', '.join(outdated_files[:5])}): run make api-clients")
    print("clients/ is up to date with the contract document")


def round_trip() -> None:
    """Test both client packages, and the examples in their READMEs, with a new server."""
    from chm_project.local.embedded import start_missing_servers
    from tools.bench.servers import UNLIMITED_RATES, create_database, manage, web_server

    start_missing_servers()
    url = create_database(os.environ["CHM_DATABASE_URL"], "chm_contract")
    environment = {"CHM_DATABASE_URL": url, "CHM_DEBUG": "0", **UNLIMITED_RATES}
    manage("migrate", "--verbosity", "0", **environment)
    token = manage("create_api_token", "contract", "--scope", "write", **environment).strip()
    with web_server(**environment) as (port, _):
        address = f"http://127.0.0.1:{port}"
        _test_python_client(address, token)
        _test_typescript_client(address, token)


def _test_python_client(address: str, token: str) -> None:
    readme_example = _readme_example("python", "python", address, token)
    for script, arguments in ((str(HERE / "round_trip.py"), [address, token]), ("-c", [readme_example])):
        subprocess.run(
            [sys.executable, script, *arguments],
            check=True,
            env=os.environ | {"PYTHONPATH": str(PACKAGES_FOLDER / "python")},
        )


def _test_typescript_client(address: str, token: str) -> None:
    """Compile the client as its users do. Then compile two scripts that use it, in strict mode, and run them."""
    package_folder = NPM_FOLDER / "node_modules" / "@chm" / "client"
    shutil.rmtree(package_folder, ignore_errors=True)
    # Copy the package into node_modules, so that the scripts import it as a user's project does.
    shutil.copytree(PACKAGES_FOLDER / "typescript", package_folder)
    _compile("-p", package_folder)
    script_folder = NPM_FOLDER / "scripts"
    shutil.rmtree(script_folder, ignore_errors=True)
    script_folder.mkdir()
    # Without this file Node.js reads the compiled scripts as CommonJS.
    (script_folder / "package.json").write_text('{"type": "module"}\n')
    shutil.copy(HERE / "round_trip.ts", script_folder)
    (script_folder / "quickstart.ts").write_text(_readme_example("typescript", "ts", address, token))
    options = ("--strict", "--module", "NodeNext", "--target", "ES2022", "--types", "node", "--skipLibCheck")
    _compile(*options, script_folder / "round_trip.ts", script_folder / "quickstart.ts")
    for name in ("round_trip.js", "quickstart.js"):
        subprocess.run(["node", script_folder / name, address, token], check=True)


def _compile(*arguments: str | Path) -> None:
    result = run_npm_program("tsc", *arguments, cwd=NPM_FOLDER)
    if result.returncode:
        raise SystemExit(result.stdout)


def _readme_example(package: str, language: str, address: str, token: str) -> str:
    """Return the example in the README of a package, with the address and token of this server."""
    [code] = re.findall(rf"```{language}\n(.*?)```", (PACKAGES_FOLDER / package / "README.md").read_text(), re.DOTALL)
    return str(code).replace("https://chm.example.com", address).replace("chm_...", token)


if __name__ == "__main__":
    main()
