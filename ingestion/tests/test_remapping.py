"""`ingest_runs --remap` applies a changed API description to the stored responses."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from ingestion.synthetic.partner import Answer
from ingestion.tests.scripted_partner import DESCRIPTION_TOML, ScriptedPartner, WriteConnection, make_row
from ingestion.tests.support import create_pipelines, ingest
from runs.models import Run


@pytest.fixture
def partner(db: None) -> Iterator[ScriptedPartner]:
    create_pipelines("Northwind", "orders", platform="custom")
    with ScriptedPartner() as server:
        yield server


def test_remap_translates_stored_responses_with_the_changed_description_and_sends_no_requests(
    partner: ScriptedPartner, write_connection: WriteConnection
) -> None:
    partner.script = lambda request: Answer(
        body={"runs": [make_row(number, changed="2026-11-20T12:05:00Z", note="late") for number in range(3)]}
    )
    ingest(write_connection(partner, DESCRIPTION_TOML))
    Run.objects.filter(external_run_id="2").update(payload=None)
    write_connection(
        partner,
        DESCRIPTION_TOML.replace('error_message = "error"', 'error_message = "error"\nstatus_reason = "note"'),
        options='auth = { kind = "bearer", secret_env = "CHM_TEST_SECRET_THAT_IS_NOT_SET" }',
    )
    partner.requests.clear()

    def counts_of_remap() -> dict[str, Any]:
        out = StringIO()
        call_command("ingest_runs", "--connection", "house", "--remap", "--json", stdout=out)
        [report] = json.loads(out.getvalue())["connections"]
        return {name: report[name] for name in ("created", "updated", "unchanged", "stale")}

    assert counts_of_remap() == {"created": 0, "updated": 2, "unchanged": 0, "stale": 0}
    assert counts_of_remap() == {"created": 0, "updated": 0, "unchanged": 2, "stale": 0}
    assert partner.requests == []
    reasons = dict(Run.objects.values_list("external_run_id", "status_reason"))
    assert reasons == {"0": "late", "1": "late", "2": None}
    assert not Run.objects.filter(source_updated_at=None).exists(), "every run still has a version"
