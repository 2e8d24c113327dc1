"""Translate dbt's run_results.json, optionally with the manifest, into one run per invocation."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chm_project.api.times import parse_time
from runs.events import Kind, Rejected, RunEvent, usable_run_id
from runs.models import Status
from runs.push.untrusted_json import LONG_TEXT, count, mapping, text, without_nulls

SUCCESSFUL = {"success", "pass", "warn", "no-op"}
SKIPPED = "skipped"
# These commands write a file in which every node is successful, although nothing ran.
COMMANDS_WITHOUT_RUNS = {"compile", "generate", "docs", "parse", "list", "ls", "show"}
# Failed nodes that the error message and the payload list.
MAX_NAMED = 20
# dbt writes the variable DBT_ENV_CUSTOM_ENV_RUN_URL of its job into metadata.env under this name.
RUN_URL = "RUN_URL"
# A valid file has fewer statuses; this limits the payload of an invalid one.
MAX_STATUSES = 50


@dataclass(frozen=True, slots=True)
class Invocation:
    """A run_results.json with the manifest, which is empty if it was not sent."""

    results: Mapping[str, Any]
    manifest: Mapping[str, Any]


def read(results: object) -> Invocation | dict[str, list[str]]:
    """Return the invocation of run_results.json or of {"run_results": …, "manifest": …}, or errors by field."""
    manifest: object = {}
    if isinstance(results, Mapping) and "run_results" in results:
        if unknown := results.keys() - {"run_results", "manifest"}:
            return {str(name): ["Unknown field. Known here: manifest, run_results."] for name in sorted(unknown)}
        manifest, results = results.get("manifest") or {}, results["run_results"]
    if not isinstance(results, Mapping):
        return {"body": ["Give dbt's run_results.json, a JSON object."]}
    problems: dict[str, list[str]] = {}
    if not isinstance(manifest, Mapping):
        problems["manifest"] = ["Give dbt's manifest.json, a JSON object, or leave it out."]
    invocation_id = mapping(results, "metadata").get("invocation_id")
    if not isinstance(invocation_id, str) or isinstance(usable_run_id(invocation_id), Rejected):
        problems["metadata.invocation_id"] = ["Give the id of the invocation; dbt writes it."]
    try:
        _time(results, "generated_at")
    except ValueError as error:
        problems["metadata.generated_at"] = [str(error)]
    nodes = results.get("results")
    if not isinstance(nodes, list) or not all(isinstance(node, Mapping) for node in nodes):
        problems["results"] = ["Give the list of dbt's results; this is not a run_results.json."]
    return problems or Invocation(results, manifest)  # type: ignore[arg-type]  # checked above


def run_event(invocation: Invocation, pipeline_id: UUID) -> RunEvent:
    """Return a snapshot of the invocation; its version is the time at which dbt wrote the file."""
    results, metadata = invocation.results, mapping(invocation.results, "metadata")
    nodes: list[Mapping[str, Any]] = results["results"]
    statuses = Counter(_status(node) for node in nodes)
    failed_nodes = [node for node in nodes if _status(node) not in SUCCESSFUL | {SKIPPED}]
    command = text(mapping(results, "args").get("which"))
    status, reason = _verdict(command, statuses, failed=bool(failed_nodes))
    generated_at = _time(results, "generated_at")
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=metadata["invocation_id"],
        status=status.value,
        started_at=_started_at(results),
        finished_at=generated_at,
        rows_processed=_rows(nodes),
        error_message=_message(failed_nodes),
        status_reason=reason,
        payload=without_nulls(
            command=command,
            dbt_version=text(metadata.get("dbt_version")),
            project=text(mapping(invocation.manifest, "metadata").get("project_name")),
            adapter=text(mapping(invocation.manifest, "metadata").get("adapter_type")),
            target=text(mapping(results, "args").get("target")),
            elapsed_seconds=results.get("elapsed_time")
            if isinstance(results.get("elapsed_time"), int | float)
            else None,
            nodes=len(nodes),
            node_counts=dict(statuses.most_common(MAX_STATUSES)),
            failed_nodes=[_described(node, invocation.manifest) for node in failed_nodes[:MAX_NAMED]],
        ),
        source_url=mapping(metadata, "env").get(RUN_URL),
        at=generated_at,
        kind=Kind.SNAPSHOT,
    )


def _verdict(command: str | None, statuses: Counter[str], *, failed: bool) -> tuple[Status, str | None]:
    """Return the status of the run and, if it is skipped, the reason."""
    if failed:
        return Status.FAILED, None
    if command in COMMANDS_WITHOUT_RUNS:
        return Status.SKIPPED, f"dbt {command} runs no node"
    if not statuses:
        return Status.SKIPPED, "no node was selected"
    if set(statuses) == {SKIPPED}:
        return Status.SKIPPED, "every node was skipped"
    return Status.SUCCESS, None


def _status(node: Mapping[str, Any]) -> str:
    return text(node.get("status"), 50) or "without a status"


def _message(failed_nodes: list[Mapping[str, Any]]) -> str | None:
    lines = [
        f"{text(node.get('unique_id')) or 'a node'}: {text(node.get('message')) or _status(node)}"
        for node in failed_nodes
    ]
    if len(lines) > MAX_NAMED:
        lines[MAX_NAMED:] = [f"and {len(lines) - MAX_NAMED} more"]
    return text("\n".join(lines), LONG_TEXT)


def _described(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a failed node with its file, which only the manifest contains."""
    name = text(node.get("unique_id"))
    manifest_node = mapping(manifest, "nodes", name or "")
    return without_nulls(
        unique_id=name, status=_status(node), file=text(manifest_node.get("original_file_path")),
        failures=count(node.get("failures")),
    )  # fmt: skip


def _rows(nodes: list[Mapping[str, Any]]) -> int | None:
    """Return the number of rows written; None if the adapter does not count them."""
    written = [count(mapping(node, "adapter_response").get("rows_affected")) for node in nodes]
    known = [rows for rows in written if rows is not None]
    return sum(known) if known else None


def _started_at(results: Mapping[str, Any]) -> datetime | None:
    """Return the start; before dbt 1.10, which has no such field, the start of the first node; None if unknown."""
    moments: list[object] = [mapping(results, "metadata").get("invocation_started_at")]
    if not isinstance(moments[0], str):
        timings = [node.get("timing") for node in results["results"]]
        moments = [mapping(step).get("started_at") for timing in timings if isinstance(timing, list) for step in timing]
    starts = []
    # A time that cannot be read does not make the upload invalid.
    for moment in moments:
        try:
            starts.append(parse_time(moment if isinstance(moment, str) else ""))
        except ValueError:
            continue
    return min(starts, default=None)


def _time(results: Mapping[str, Any], name: str) -> datetime:
    moment = mapping(results, "metadata").get(name)
    return parse_time(moment if isinstance(moment, str) else "")
