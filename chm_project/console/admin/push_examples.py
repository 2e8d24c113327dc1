"""Lines to copy with a new token: for curl, cron, dbt and OpenLineage clients."""

import json
from dataclasses import dataclass

from chm_project.access.models import ApiToken, Scope

_CURL = "curl -fsS -m 10 --retry 5 -o /dev/null"


@dataclass(frozen=True, slots=True)
class PushLine:
    """A command or setting to copy; `hint` says when to use it."""

    title: str
    text: str
    hint: str


def push_lines(token: ApiToken, plaintext: str, base_url: str) -> list[PushLine]:
    """Return the lines for a token; empty if it cannot push or is not bound to a client or pipeline."""
    if token.scope != Scope.INGEST or not token.is_bound:
        return []
    return [
        *(_pipeline_lines(token, plaintext, base_url) if token.pipeline_id else ()),
        *_lineage_lines(plaintext, base_url),
    ]


def _pipeline_lines(token: ApiToken, plaintext: str, base_url: str) -> list[PushLine]:
    ping = f"{base_url}/ping/{plaintext}"
    bearer = f'-H "Authorization: Bearer {plaintext}" -H "Content-Type: application/json"'
    return [
        PushLine(
            "curl",
            f"{_CURL} {ping}",
            "After a job that succeeded. Append /fail or the exit status for a failure.",
        ),
        PushLine(
            "cron",
            f"0 3 * * * p={ping}; r=$(cat /proc/sys/kernel/random/uuid); {_CURL} $p/start?rid=$r; "
            f'out=$(/path/to/job 2>&1); s=$?; echo "$out" | tail -c 9000 | {_CURL} --data-binary @- $p/$s?rid=$r',
            "Reports start, end, exit status and the end of the output. A repeated ping belongs to the same run.",
        ),
        PushLine(
            "dbt",
            f"curl -fsS {bearer} --data-binary @target/run_results.json "
            f"{base_url}/api/v1/pipelines/{token.pipeline_id}/dbt_run_results",
            "After any dbt command. One run per invocation; sending it again changes nothing.",
        ),
    ]


def _lineage_lines(plaintext: str, base_url: str) -> list[PushLine]:
    auth = {"type": "api_key", "apiKey": plaintext}
    transport = {"type": "http", "url": base_url, "endpoint": "api/v1/lineage", "auth": auth}
    return [
        PushLine(
            "Airflow (OpenLineage)",
            f"AIRFLOW__OPENLINEAGE__TRANSPORT='{json.dumps(transport)}'\nAIRFLOW__OPENLINEAGE__NAMESPACE=airflow-prod",
            "Needs the OpenLineage provider. A DAG belongs to the pipeline with the external id airflow-prod/DAG_ID.",
        ),
        PushLine(
            "dbt-ol, Spark and other OpenLineage clients",
            f"OPENLINEAGE_URL={base_url}\nOPENLINEAGE_API_KEY={plaintext}\nOPENLINEAGE_NAMESPACE=dbt-prod",
            "A job belongs to the pipeline with the external id NAMESPACE/NAME; for dbt-ol, dbt-prod/dbt-run-PROJECT.",
        ),
    ]
