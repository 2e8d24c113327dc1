"""Commands and settings to copy with a new token: for curl, cron, dbt and OpenLineage clients."""

import json
from dataclasses import dataclass

from chm_project.access.models import ApiToken, Scope

_CURL = "curl -fsS -m 10 --retry 5 -o /dev/null"


@dataclass(frozen=True, slots=True)
class PushExample:
    """A command or setting to copy; `hint` says when to use it or what it does."""

    title: str
    text: str
    hint: str


def push_examples(token: ApiToken, plaintext: str, base_url: str) -> list[PushExample]:
    """Return examples for a token with the scope ingest that is bound to a client or pipeline; empty for others."""
    if token.scope != Scope.INGEST or not token.is_bound:
        return []
    return [
        *(_pipeline_examples(token, plaintext, base_url) if token.pipeline_id else ()),
        *_lineage_examples(plaintext, base_url),
    ]


def _pipeline_examples(token: ApiToken, plaintext: str, base_url: str) -> list[PushExample]:
    ping_url = f"{base_url}/ping/{plaintext}"
    headers = f'-H "Authorization: Bearer {plaintext}" -H "Content-Type: application/json"'
    return [
        PushExample(
            "curl",
            f"{_CURL} {ping_url}",
            "After a job that succeeded. Append /fail or the exit status for a failure.",
        ),
        PushExample(
            "cron",
            f"0 3 * * * p={ping_url}; r=$(cat /proc/sys/kernel/random/uuid); {_CURL} $p/start?rid=$r; "
            f'out=$(/path/to/job 2>&1); s=$?; echo "$out" | tail -c 9000 | {_CURL} --data-binary @- $p/$s?rid=$r',
            "Reports start, end, exit status and the end of the output. A repeated ping belongs to the same run.",
        ),
        PushExample(
            "dbt",
            f"curl -fsS {headers} --data-binary @target/run_results.json "
            f"{base_url}/api/v1/pipelines/{token.pipeline_id}/dbt_run_results",
            "After any dbt command. CHM stores one run per invocation. Sending the same file again changes nothing.",
        ),
    ]


def _lineage_examples(plaintext: str, base_url: str) -> list[PushExample]:
    auth = {"type": "api_key", "apiKey": plaintext}
    transport = {"type": "http", "url": base_url, "endpoint": "api/v1/lineage", "auth": auth}
    return [
        PushExample(
            "Airflow (OpenLineage)",
            f"AIRFLOW__OPENLINEAGE__TRANSPORT='{json.dumps(transport)}'\nAIRFLOW__OPENLINEAGE__NAMESPACE=airflow-prod",
            "Needs the OpenLineage provider. A DAG belongs to the pipeline with the external id airflow-prod/DAG_ID.",
        ),
        PushExample(
            "dbt-ol, Spark and other OpenLineage clients",
            f"OPENLINEAGE_URL={base_url}\nOPENLINEAGE_API_KEY={plaintext}\nOPENLINEAGE_NAMESPACE=dbt-prod",
            "A job belongs to the pipeline with the external id NAMESPACE/NAME. For dbt-ol, this is "
            "dbt-prod/dbt-run-PROJECT.",
        ),
    ]
