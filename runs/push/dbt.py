"""Translate a run_results.json of dbt into a run. The manifest of dbt is optional."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chm_project.api.times import parse_time
from runs.events import Rejected, RunEvent, WriteKind, usable_run_id
from runs.models import Status
from runs.push.untrusted_json import MAX_LONG_TEXT, count_or_none, object_at, text_or_none, without_empty

SUCCESSFUL_STATUSES = {"success", "pass", "warn", "no-op"}
SKIPPED_STATUS = "skipped"
# These commands of dbt run no node. But in the files that they write, every node is successful.
COMMANDS_WITHOUT_RUNS = {"compile", "generate", "docs", "parse", "list", "ls", "show"}
# Maximum number of failed nodes in the error message and in the payload.
MAX_LISTED_NODES = 20
# The key of metadata.env where dbt writes the environment variable DBT_ENV_CUSTOM_ENV_RUN_URL.
RUN_URL_KEY = "RUN_URL"
# Maximum number of different statuses in the payload. A file of dbt has fewer, but an invalid file can have more.
MAX_STATUSES = 50


@dataclass(frozen=True, slots=True)
class Invocation:
    """One execution of dbt: its run_results.json and its manifest. If the manifest was not sent, it is empty."""

    results: Mapping[str, Any]
    manifest: Mapping[str, Any]


def read_invocation(results: object) -> Invocation | dict[str, list[str]]:
    """Return the invocation. If the data is invalid, return errors by field.

    `results` is a run_results.json, or {"run_results": …, "manifest": …}.
    """
    manifest: object = {}
    if isinstance(results, Mapping) and "run_results" in results:
        if unknown := results.keys() - {"run_results", "manifest"}:
            return {str(name): ["Unknown field. Known fields: manifest, run_results."] for name in sorted(unknown)}
        manifest, results = results.get("manifest") or {}, results["run_results"]
    if not isinstance(results, Mapping):
        return {"body": ["Give dbt's run_results.json, a JSON object."]}
    problems: dict[str, list[str]] = {}
    if not isinstance(manifest, Mapping):
        problems["manifest"] = ["Give dbt's manifest.json, a JSON object, or leave it out."]
    invocation_id = object_at(results, "metadata").get("invocation_id")
    if not isinstance(invocation_id, str) or isinstance(usable_run_id(invocation_id), Rejected):
        problems["metadata.invocation_id"] = ["Give the id of the invocation; dbt writes it."]
    try:
        _metadata_time(results, "generated_at")
    except ValueError as error:
        problems["metadata.generated_at"] = [str(error)]
    nodes = results.get("results")
    if not isinstance(nodes, list) or not all(isinstance(node, Mapping) for node in nodes):
        problems["results"] = ["Give the list of dbt's results; this is not a run_results.json."]
    return problems or Invocation(results, manifest)  # type: ignore[arg-type]  # checked above


def run_snapshot(invocation: Invocation, pipeline_id: UUID) -> RunEvent:
    """Return the invocation as a snapshot. Its version is the time at which dbt wrote the file."""
    results, metadata = invocation.results, object_at(invocation.results, "metadata")
    nodes: list[Mapping[str, Any]] = results["results"]
    statuses = Counter(_node_status(node) for node in nodes)
    failed_nodes = [node for node in nodes if _node_status(node) not in SUCCESSFUL_STATUSES | {SKIPPED_STATUS}]
    command = text_or_none(object_at(results, "args").get("which"))
    status, reason = _run_status(command, statuses, has_failed_nodes=bool(failed_nodes))
    generated_at = _metadata_time(results, "generated_at")
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=metadata["invocation_id"],
        status=status.value,
        started_at=_started_at(results),
        finished_at=generated_at,
        rows_processed=_rows_written(nodes),
        error_message=_error_message(failed_nodes),
        status_reason=reason,
        payload=without_empty(
            command=command,
            dbt_version=text_or_none(metadata.get("dbt_version")),
            project=text_or_none(object_at(invocation.manifest, "metadata").get("project_name")),
            adapter=text_or_none(object_at(invocation.manifest, "metadata").get("adapter_type")),
            target=text_or_none(object_at(results, "args").get("target")),
            elapsed_seconds=results.get("elapsed_time")
            if isinstance(results.get("elapsed_time"), int | float)
            else None,
            nodes=len(nodes),
            node_counts=dict(statuses.most_common(MAX_STATUSES)),
            failed_nodes=[_failed_node(node, invocation.manifest) for node in failed_nodes[:MAX_LISTED_NODES]],
        ),
        source_url=object_at(metadata, "env").get(RUN_URL_KEY),
        source_updated_at=generated_at,
        kind=WriteKind.SNAPSHOT,
    )


def _run_status(command: str | None, statuses: Counter[str], *, has_failed_nodes: bool) -> tuple[Status, str | None]:
    """Return the status of the run and, if it is skipped, the reason."""
    if has_failed_nodes:
        return Status.FAILED, None
    if command in COMMANDS_WITHOUT_RUNS:
        return Status.SKIPPED, f"dbt {command} runs no node"
    if not statuses:
        return Status.SKIPPED, "no node was selected"
    if set(statuses) == {SKIPPED_STATUS}:
        return Status.SKIPPED, "every node was skipped"
    return Status.SUCCESS, None


def _node_status(node: Mapping[str, Any]) -> str:
    return text_or_none(node.get("status"), 50) or "without a status"


def _error_message(failed_nodes: list[Mapping[str, Any]]) -> str | None:
    lines = [
        f"{text_or_none(node.get('unique_id')) or 'a node'}: {text_or_none(node.get('message')) or _node_status(node)}"
        for node in failed_nodes
    ]
    if len(lines) > MAX_LISTED_NODES:
        lines[MAX_LISTED_NODES:] = [f"and {len(lines) - MAX_LISTED_NODES} more"]
    return text_or_none("\n".join(lines), MAX_LONG_TEXT)


def _failed_node(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a failed node for the payload. Only the manifest contains the file of the node."""
    name = text_or_none(node.get("unique_id"))
    manifest_node = object_at(manifest, "nodes", name or "")
    return without_empty(
        unique_id=name, status=_node_status(node), file=text_or_none(manifest_node.get("original_file_path")),
        failures=count_or_none(node.get("failures")),
    )  # fmt: skip


def _rows_written(nodes: list[Mapping[str, Any]]) -> int | None:
    """Return the number of rows written; None if dbt's adapter does not count them."""
    written = [count_or_none(object_at(node, "adapter_response").get("rows_affected")) for node in nodes]
    known_counts = [rows for rows in written if rows is not None]
    return sum(known_counts) if known_counts else None


def _started_at(results: Mapping[str, Any]) -> datetime | None:
    """Return the start of the invocation; None if unknown.

    dbt before 1.10 does not write this time. Then return the start of the first node.
    """
    times: list[object] = [object_at(results, "metadata").get("invocation_started_at")]
    if not isinstance(times[0], str):
        timings = [node.get("timing") for node in results["results"]]
        times = [object_at(step).get("started_at") for timing in timings if isinstance(timing, list) for step in timing]
    starts = []
    # Ignore a time that cannot be read. The rest of the upload is still valid.
    for time in times:
        try:
            starts.append(parse_time(time if isinstance(time, str) else ""))
        except ValueError:
            continue
    return min(starts, default=None)


def _metadata_time(results: Mapping[str, Any], name: str) -> datetime:
    value = object_at(results, "metadata").get(name)
    return parse_time(value if isinstance(value, str) else "")
