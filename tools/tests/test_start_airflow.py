"""Test which version of Airflow tools/e2e/airflow/start_airflow.sh writes into client.json."""

import json
import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "e2e" / "airflow" / "start_airflow.sh"


def test_client_json_has_the_installed_version(tmp_path: Path) -> None:
    programs = tmp_path / "venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "airflow").write_text("#!/bin/sh\n")
    # `python -c` prints the installed version, any other call prints whether Airflow is healthy.
    (programs / "python").write_text('#!/bin/sh\nif [ "$1" = -c ]; then echo 3.9.9; else echo True; fi\n')
    for program in programs.iterdir():
        program.chmod(0o755)

    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    subprocess.run([SCRIPT, tmp_path], env=environment, stdout=subprocess.DEVNULL, timeout=60, check=True)

    assert json.loads((tmp_path / "client.json").read_text())["version"] == "3.9.9"
