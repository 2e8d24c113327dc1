"""Test whether unchanged libraries of others can send runs to a running CHM: `make clients`.

The libraries are installed in a separate Python environment. The test reads the results from CHM's API.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tools.bench.servers import ROOT, create_database, manage, web_server

HERE = Path(__file__).parent
PACKAGES = (
    "openlineage-python",
    "openlineage-dbt",
    "dbt-core",
    "dbt-duckdb",
    "healthchecks-io",
    "healthchecks-decorator",
)


class ChmApi:
    """A client of CHM's API."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self._token = url, token

    def call(self, path: str, body: Any = None) -> Any:
        request = Request(
            f"{self.url}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=30) as response:
            return json.load(response)

    def create_pipeline(self, client_id: str, name: str, platform: str, external_id: str | None = None) -> str:
        body = {"name": name, "platform": platform, "pipeline_type": "transform", "external_id": external_id}
        return str(self.call(f"/clients/{client_id}/pipelines", body)["id"])

    def runs(self, pipeline_id: str) -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = self.call(f"/pipelines/{pipeline_id}/runs?limit=1000&order=asc")["items"]
        return runs


class Checks:
    """Compares results with the expected ones, prints them, and collects them for the document."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failure_count = 0

    def say(self, text: str) -> None:
        self.lines.append(text)
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def expect(self, description: str, actual: object, expected: object) -> None:
        if actual == expected:
            self.say(f"  {description}: {_as_text(actual)}")
        else:
            self.failure_count += 1
            self.say(f"  {description}: {_as_text(actual)}, EXPECTED {_as_text(expected)}")


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {content}" for name, content in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def count_by_status(runs: list[dict[str, Any]]) -> dict[str, int]:
    return dict(sorted(Counter(run["status"] for run in runs).items()))


class LibraryTestBed:
    """What the tests of all libraries share: CHM's API, the Python environment of the libraries, and the checks."""

    def __init__(self, chm: ChmApi, environment: dict[str, str], venv: Path, folder: Path, checks: Checks) -> None:
        self.chm, self.venv, self.folder, self.checks = chm, venv, folder, checks
        self.environment = environment
        self.client_id = str(chm.call("/clients", {"name": "Northwind"})["id"])

    def create_token(self, name: str, *binding: str) -> str:
        return manage("create_api_token", name, "--scope", "ingest", *binding, **self.environment).strip()

    def run(self, *command: str, cwd: Path | None = None, **environment: str) -> "subprocess.CompletedProcess[str]":
        # dbt-ol starts dbt, so PATH must contain the environment's programs.
        path = f"{self.venv / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [str(self.venv / "bin" / command[0]), *command[1:]],
            cwd=cwd or self.folder, env={**os.environ, **environment, "PATH": path}, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip


def lineage(test_bed: LibraryTestBed) -> None:
    """Send events with openlineage-python, plain and compressed."""
    checks, chm = test_bed.checks, test_bed.chm
    token = test_bed.create_token("openlineage", "--client", "Northwind")
    job_names = ("daily_mart", "close-month", "reindex", "still_running", "burst")
    pipeline_ids = {name: chm.create_pipeline(test_bed.client_id, name, "custom", f"warehouse://prod/{name}") for name in job_names}
    for mode in ("plain", "gzip"):
        checks.say(f"openlineage-python, {mode}: four jobs, OTHER events, a JobEvent and a DatasetEvent")
        completed = test_bed.run("python", str(HERE / "lineage_jobs.py"), chm.url, token, mode)
        checks.expect("the library's exit status", completed.returncode, 0)
        latest_runs = {name: chm.runs(pipeline_ids[name])[-1] for name in job_names[:4]}
        checks.expect(
            "its runs",
            [latest_runs[name]["status"] for name in job_names[:4]],
            ["success", "failed", "canceled", "running"],
        )
    checks.expect("runs after both modes", sum(len(chm.runs(pipeline_ids[name])) for name in job_names), 8)
    failed_run, mart_run = chm.runs(pipeline_ids["close-month"])[-1], chm.runs(pipeline_ids["daily_mart"])[-1]
    checks.expect("the error, scrubbed", failed_run["error_message"], "no route to postgres://[filtered]@db")
    checks.expect("the engine", mart_run["payload"]["engine"], {"name": "spark", "version": "3.5.1"})


def burst(test_bed: LibraryTestBed) -> None:
    """Send twelve events to a server that accepts five per second. The library must wait and send all events."""
    checks, chm = test_bed.checks, test_bed.chm
    token = test_bed.create_token("burst", "--client", "Northwind")
    # lineage() has created this pipeline, but has not sent events for it.
    [burst_pipeline] = [row for row in chm.call("/pipelines?limit=1000")["items"] if row["name"] == "burst"]
    with web_server(**{**test_bed.environment, "CHM_THROTTLE_LINEAGE": "5/second"}) as (port, _):
        checks.say("openlineage-python, twelve events to a server that accepts five per second")
        completed = test_bed.run("python", str(HERE / "lineage_jobs.py"), f"http://127.0.0.1:{port}", token, "burst")
    checks.expect("the library's exit status", completed.returncode, 0)
    checks.expect("events that arrived", count_by_status(chm.runs(burst_pipeline["id"])), {"success": 12})


def dbt(test_bed: LibraryTestBed) -> None:
    """Run dbt with dbt-ol, and send its result file with docs/examples/send_dbt_results.py."""
    checks, chm = test_bed.checks, test_bed.chm
    shutil.copytree(HERE / "shop", test_bed.folder / "shop")
    shop_folder = test_bed.folder / "shop"
    lineage_pipeline = chm.create_pipeline(test_bed.client_id, "shop by dbt-ol", "dbt", "dbt-prod/dbt-run-shop")
    model_pipeline = chm.create_pipeline(
        test_bed.client_id, "shop daily", "dbt", "dbt-prod/shop.main.shop.daily.build.run"
    )
    file_pipeline = chm.create_pipeline(test_bed.client_id, "shop by file", "dbt")
    lineage_variables = {"OPENLINEAGE_URL": chm.url, "OPENLINEAGE_API_KEY": test_bed.create_token("dbt-ol", "--client", "Northwind"),
                "OPENLINEAGE_NAMESPACE": "dbt-prod"}  # fmt: skip
    upload_variables = {"CHM_DBT_URL": f"{chm.url}/api/v1/pipelines/{file_pipeline}/dbt_run_results",
              "CHM_TOKEN": test_bed.create_token("dbt file", "--pipeline", file_pipeline)}  # fmt: skip
    upload_script = str(ROOT / "docs" / "examples" / "send_dbt_results.py")
    for dbt_variables, status in (("{}", "success"), ("{break_orders: true}", "failed")):
        checks.say(f"dbt-ol build --vars '{dbt_variables}', then send_dbt_results.py")
        test_bed.run("dbt-ol", "build", "--profiles-dir", ".", "--project-dir", ".", "--vars", dbt_variables, cwd=shop_folder,
                  **lineage_variables)  # fmt: skip
        checks.expect("the invocation as OpenLineage", chm.runs(lineage_pipeline)[-1]["status"], status)
        first_upload = test_bed.run("python", upload_script, cwd=shop_folder, **upload_variables)
        checks.expect("the file", first_upload.stdout.strip(), f"created {status}")
        second_upload = test_bed.run("python", upload_script, cwd=shop_folder, **upload_variables)
        checks.expect("the same file again", second_upload.stdout.strip(), f"unchanged {status}")
        checks.expect("its nodes", chm.runs(file_pipeline)[-1]["payload"]["node_counts"], _node_counts(shop_folder))
    # In the second build, stg_orders fails, so dbt skips this model.
    checks.expect("runs of one model by OpenLineage", count_by_status(chm.runs(model_pipeline)), {"success": 1})
    failed_node = chm.runs(file_pipeline)[-1]["payload"]["failed_nodes"][0]
    checks.expect("the failed node", failed_node["file"], "models/stg_orders.sql")


def _node_counts(shop_folder: Path) -> dict[str, int]:
    """Return the number of nodes by status in dbt's result file."""
    results = json.loads((shop_folder / "target" / "run_results.json").read_text())["results"]
    return dict(Counter(node["status"] for node in results))


def healthchecks(test_bed: LibraryTestBed) -> None:
    """Send pings with two client libraries of Healthchecks."""
    checks, chm = test_bed.checks, test_bed.chm
    # For each mode of healthchecks_jobs.py: the printed title, and the expected statuses of its runs.
    expectations = {
        "library": ("healthchecks-io: start, success, start, fail, exit statuses 3 and 0",
                    ["success", "failed", "failed", "success"]),
        "trap": ("healthchecks-io: CheckTrap around a job that works and one that raises", ["success", "failed"]),
        "async": ("healthchecks-io: its asynchronous client", ["success"]),
        "decorator": ("healthchecks-decorator: a function that works and one that raises", ["success", "failed"]),
    }  # fmt: skip
    for mode, (title, expected_statuses) in expectations.items():
        new_pipeline_id = chm.create_pipeline(test_bed.client_id, f"cron {mode}", "cron")
        token = test_bed.create_token(mode, "--pipeline", new_pipeline_id)
        checks.say(title)
        completed = test_bed.run("python", str(HERE / "healthchecks_jobs.py"), f"{chm.url}/ping", token, mode)
        checks.expect("the library's exit status", completed.returncode, 0)
        # The script prints each result of the library: a tuple that begins with True or False.
        checks.expect("refused pings", completed.stdout.count("(False"), 0)
        checks.expect("its runs", [run["status"] for run in chm.runs(new_pipeline_id)], expected_statuses)
    error_messages = [run["error_message"] for run in chm.runs(find_pipeline_id(chm, "cron library")) if run["status"] == "failed"]
    checks.expect("what the library sent with its failures", error_messages, ["disk full", "killed"])


def curl(test_bed: LibraryTestBed) -> None:
    """Run the command of a crontab line, which sends pings with curl before and after its job."""
    checks, chm = test_bed.checks, test_bed.chm
    new_pipeline_id = chm.create_pipeline(test_bed.client_id, "cron curl", "cron")
    token = test_bed.create_token("curl", "--pipeline", new_pipeline_id)
    checks.say("a crontab's line: curl before and after the job, with the job's exit status")
    crontab_line = (
        f"p={chm.url}/ping/{token}; curl -fsS -m 10 --retry 5 -o /dev/null $p/start; "
        "out=$(ls /no/such/folder 2>&1); "
        'curl -fsS -m 10 --retry 5 -o /dev/null --data-raw "$out" $p/$?'
    )
    completed = subprocess.run(["/bin/sh", "-c", crontab_line], check=False, timeout=60)
    checks.expect("curl's exit status", completed.returncode, 0)
    [run] = chm.runs(new_pipeline_id)
    checks.expect("its run", (run["status"], run["status_reason"]), ("failed", "exit status 2"))
    checks.expect("its error names the folder", "/no/such/folder" in run["error_message"], True)


def find_pipeline_id(chm: ChmApi, name: str) -> str:
    return next(str(row["id"]) for row in chm.call("/pipelines?limit=1000")["items"] if row["name"] == name)


def document(checks: Checks, venv: Path, result: str) -> str:
    pip_freeze = subprocess.run([str(venv / "bin" / "pip"), "freeze"], capture_output=True, text=True, check=True)
    version_by_package = dict(line.replace("_", "-").split("==") for line in pip_freeze.stdout.splitlines() if "==" in line)
    versions = [f"{name} {version_by_package[name]}" for name in PACKAGES]
    return (
        "# Unchanged third-party clients\n\n"
        "`make clients` writes this page. The test starts CHM's web server as in production. Then client libraries from the\n"
        "package index push runs to it. They are not changed for CHM: the test sets only the address and the key. The results are\n"
        "read from CHM's API. The scripts are in `tools/e2e/clients/`.\n\n"
        f"Date {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {', '.join(versions)}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}.\n\n"
        "```\n" + "\n".join(checks.lines) + f"\n{result}\n```\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("venv", type=Path, help="the clients' virtual environment")
    parser.add_argument("--write", type=Path, help="the document to write")
    options = parser.parse_args()
    from chm_project.local.embedded import start_missing_servers

    start_missing_servers()
    url = create_database(os.environ["CHM_DATABASE_URL"], "chm_clients")
    environment = {"CHM_DATABASE_URL": url, "CHM_DEBUG": "0"}
    manage("migrate", "--verbosity", "0", **environment)
    token = manage("create_api_token", "clients", "--scope", "admin", **environment).strip()
    checks = Checks()
    with web_server(**environment) as (port, _), tempfile.TemporaryDirectory() as folder:
        chm = ChmApi(f"http://127.0.0.1:{port}", token)
        test_bed = LibraryTestBed(chm, environment, options.venv.absolute(), Path(folder), checks)
        for test in (lineage, burst, dbt, healthchecks, curl):
            test(test_bed)
    result = "PASSED" if not checks.failure_count else f"FAILED: {checks.failure_count} differences"
    sys.stdout.write(f"{result}\n")
    if options.write:
        options.write.write_text(document(checks, options.venv, result))
    return 1 if checks.failure_count else 0


if __name__ == "__main__":
    sys.exit(main())
