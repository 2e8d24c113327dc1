"""A server of the generic partner API, with its runs in memory."""

from typing import Any
from urllib.parse import unquote

from ingestion.synthetic.partner import Answer, PartnerServer, Request


class GenericPartner(PartnerServer):
    """The server. `runs` is {external_id: [run, …]}; tests may change it at any time.

    A cursor is an index in the list.
    """

    def __init__(
        self,
        runs: dict[str, list[Any]] | None = None,
        *,
        page_size: int = 100,
        token: str = "",
        ignores_updated_since: bool = True,
        port: int = 0,
    ) -> None:
        super().__init__(port)
        self.runs: dict[str, list[Any]] = {} if runs is None else runs
        self.page_size = page_size
        self.token = token
        self.ignores_updated_since = ignores_updated_since

    def answer(self, request: Request) -> Answer:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return Answer(401, {"detail": "Invalid token"})
        parts = request.path.strip("/").split("/")
        if request.method != "GET" or len(parts) != 3 or (parts[0], parts[2]) != ("pipelines", "runs"):
            return Answer(404, {"detail": "Not found"})
        if (runs := self.runs.get(unquote(parts[1]))) is None:
            return Answer(404, {"detail": "No such pipeline"})
        since = request.query_value("updated_since")
        if since and not self.ignores_updated_since:
            runs = [run for run in runs if run["updated_at"] >= since]
        start = int(request.query_value("cursor") or 0)
        end = start + self.page_size
        return Answer(body={"runs": runs[start:end], "next_cursor": str(end) if end < len(runs) else None})
