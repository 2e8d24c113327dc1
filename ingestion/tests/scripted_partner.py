"""A simulated partner for tests of the declarative connector. The test sets the function that returns its responses."""

from collections.abc import Callable
from typing import Any

from ingestion.connections import Connection
from ingestion.synthetic.partner import Answer, PartnerServer, Request

# The type of the fixture write_connection, which writes a connections file for a partner and returns its connection.
WriteConnection = Callable[..., Connection]

DESCRIPTION_TOML = """
items = "runs"
[request]
path = "/jobs/{external_id}/runs"
[fields]
external_run_id = "id"
started_at = "start"
finished_at = "end"
rows_processed = "sum(parts[].rows)"
error_message = "error"
at = "changed"
[status]
words = ["state", "result"]
running = ["active"]
success = ["done/ok", "over"]
failed = ["done/bad"]
ignored = ["planned"]
"""


def make_row(number: int, **fields: Any) -> dict[str, Any]:
    """Return a run as the API of DESCRIPTION_TOML returns it."""
    return {
        "id": number,
        "job": "orders",
        "state": "Done",
        "result": "OK",
        "start": "2026-11-20T12:00:00Z",
        "end": "2026-11-20T12:01:30Z",
        "parts": [{"rows": 2}, {"rows": 3}],
    } | fields


class ScriptedPartner(PartnerServer):
    """A partner that returns `script(request)`."""

    def __init__(self) -> None:
        super().__init__()
        self.script: Callable[[Request], Answer] = lambda request: Answer(body={"runs": []})

    def answer(self, request: Request) -> Answer:
        return self.script(request)
