"""A local server with the endpoints of Metabase 0.54 that provision.py calls, as strict as Metabase.

GET  /api/health                  {"status": "ok"}; 503 {"status": "initializing"} while it starts
GET  /api/session/properties      has-user-setup, and setup-token until then
POST /api/setup                   the first administrator, with the token, once; 403 after; {"id": session}
POST /api/session                 username, password -> {"id": session}; 401 {"errors": ...} when they are wrong
Everything else needs the header X-Metabase-Session, else 401.
GET, POST /api/database, PUT /api/database/:id     details come back with the password as **MetabasePass**
GET, POST /api/collection         GET is a bare list with the root first; POST needs a name
GET  /api/collection/:id/items    models=..., limit, offset -> {"data", "total", ...}; a model is called dataset there
POST, GET, PUT /api/card[/:id]    name, display, dataset_query, visualization_settings are required; a model may have no
                                  template tags, a tag needs id, name, display-name and type, and each tag a definition
POST, GET, PUT /api/dashboard[/:id]    PUT replaces all dashcards: a negative id creates one, a missing one is deleted
"""

import json
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

MASK = "**MetabasePass**"
CARD_KEYS = {
    "name", "description", "type", "display", "collection_id", "dataset_query", "visualization_settings", "parameters",
    "result_metadata",
}  # fmt: skip
DASHBOARD_KEYS = {"name", "description", "collection_id", "parameters", "dashcards"}


class Fault(Exception):
    def __init__(self, status: int, body: object) -> None:
        self.status, self.body = status, body


class StandIn:
    def __init__(self) -> None:
        self.starting = 1
        self.setup_token: str | None = str(uuid.uuid4())
        self.users: dict[str, str] = {}
        self.sessions: set[str] = set()
        self.stored: dict[str, dict[int, dict[str, Any]]] = {
            kind: {} for kind in ("database", "collection", "card", "dashboard")
        }
        self.requests: list[tuple[str, str, Any]] = []
        self.url = ""

    def answer(self, method: str, target: str, session: str | None, body: Any) -> Any:
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        self.requests.append((method, path, body))
        match (method, path):
            case ("GET", "/api/health"):
                if self.starting:
                    self.starting -= 1
                    raise Fault(503, {"status": "initializing", "progress": 0.5})
                return {"status": "ok"}
            case ("GET", "/api/session/properties"):
                return {"has-user-setup": bool(self.users), "setup-token": self.setup_token}
            case ("POST", "/api/setup"):
                return self.set_up(body)
            case ("POST", "/api/session"):
                if self.users.get(body["username"]) != body["password"]:
                    raise Fault(401, {"errors": {"password": "did not match stored password"}})
                return self.session()
        if session not in self.sessions:
            raise Fault(401, "Unauthenticated")
        route = re.fullmatch(r"/api/(database|collection|card|dashboard)(?:/(\d+)(/items)?)?", path)
        if not route:
            raise Fault(404, "API endpoint does not exist.")
        kind, number = route[1], int(route[2] or 0)
        if number and number not in self.stored[kind]:
            raise Fault(404, "Not found.")
        if route[3] and (method, kind) == ("GET", "collection"):
            return self.items(number, query)
        match (method, kind, bool(number)):
            case ("GET", "database", False):
                return {"data": [masked(row) for row in self.stored[kind].values()], "total": len(self.stored[kind])}
            case ("GET", "collection", False):
                return [{"id": "root", "name": "Our analytics"}, *self.stored[kind].values()]
            case ("GET", "card" | "dashboard", True):
                return self.stored[kind][number]
            case ("POST", _, False):
                return self.make(kind, body)
            case ("PUT", "database" | "card" | "dashboard", True):
                return self.change(kind, number, body)
        raise Fault(404, "API endpoint does not exist.")

    def set_up(self, body: Any) -> Any:
        if self.users:
            raise Fault(403, "The /api/setup route can only be used to create the first user")
        if body["token"] != self.setup_token:
            raise Fault(400, {"errors": {"token": "Token does not match the setup token."}})
        if not body["prefs"]["site_name"] or len(body["user"]["password"]) < 6:
            raise Fault(400, {"errors": {"password": "password is too common."}})
        self.users[body["user"]["email"]], self.setup_token = body["user"]["password"], None
        return self.session()

    def session(self) -> dict[str, str]:
        self.sessions.add(session := str(uuid.uuid4()))
        return {"id": session}

    def items(self, collection: int, query: dict[str, list[str]]) -> Any:
        rows = [
            {"id": row["id"], "name": row["name"], "model": model(kind, row)}
            for kind in ("card", "dashboard")
            for row in self.stored[kind].values()
            if row["collection_id"] == collection and model(kind, row) in query["models"]
        ]
        # Return at most seven rows, so that provision.py must read several pages.
        limit, offset = min(int(query["limit"][0]), 7), int(query["offset"][0])
        return {"data": rows[offset : offset + limit], "total": len(rows), "limit": limit, "offset": offset}

    def make(self, kind: str, body: Any) -> Any:
        number = max((number for rows in self.stored.values() for number in rows), default=10) + 1
        self.stored[kind][number] = {"id": number, "entity_id": uuid.uuid4().hex[:21], "archived": False}
        if kind == "dashboard":
            self.stored[kind][number] |= {"parameters": [], "dashcards": []}
        if kind == "collection":
            self.stored[kind][number] |= {"location": "/"}
        try:
            return self.change(kind, number, body, is_new=True)
        except Fault:
            del self.stored[kind][number]
            raise

    def change(self, kind: str, number: int, body: Any, *, is_new: bool = False) -> Any:
        if not str(body.get("name", "")).strip():
            raise Fault(400, {"errors": {"name": "value must be a non-blank string."}})
        if kind == "card":
            self.check_card(body)
        if kind == "dashboard":
            if unknown := set(body) - DASHBOARD_KEYS:
                raise Fault(400, {"errors": dict.fromkeys(unknown, "unknown here")})
            if is_new and "dashcards" in body:
                raise Fault(400, {"errors": {"dashcards": "are set by PUT"}})
            body = body | {"dashcards": self.dashcards(body.get("dashcards", []), self.stored[kind][number])}
        self.stored[kind][number] |= json.loads(json.dumps(body))
        return masked(self.stored[kind][number])

    def check_card(self, body: Any) -> None:
        missing = {"name", "display", "dataset_query", "visualization_settings"} - set(body)
        if missing or set(body) - CARD_KEYS:
            raise Fault(400, {"errors": dict.fromkeys(missing | (set(body) - CARD_KEYS), "missing or unknown")})
        query = body["dataset_query"]
        if query["database"] not in self.stored["database"] or query["type"] != "native":
            raise Fault(400, {"errors": {"dataset_query": "Value must be a map."}})
        tags = query["native"]["template-tags"]
        if set(re.findall(r"\{\{\s*(\w+)\s*\}\}", query["native"]["query"])) != set(tags):
            raise Fault(400, {"errors": {"template-tags": "not those of the query"}})
        for name, tag in tags.items():
            if not {"id", "name", "display-name", "type"} <= set(tag) or tag["name"] != name:
                raise Fault(400, {"errors": {"template-tags": f"{name} is not complete"}})
        if body["type"] == "model" and tags:
            raise Fault(400, "A model made from a native SQL question cannot have a variable or field filter.")

    def dashcards(self, requested: list[dict[str, Any]], board: dict[str, Any]) -> list[dict[str, Any]]:
        known = {card["id"] for card in board["dashcards"]}
        taken: set[tuple[int, int]] = set()
        stored = []
        for card in requested:
            if card["id"] > 0 and card["id"] not in known:
                raise Fault(404, "Not found.")
            if card["card_id"] not in self.stored["card"]:
                raise Fault(400, {"errors": {"dashcards": "no such card"}})
            cells = {(card["col"] + x, card["row"] + y) for x in range(card["size_x"]) for y in range(card["size_y"])}
            if max(x for x, _ in cells) > 23 or cells & taken:
                raise Fault(400, {"errors": {"dashcards": "outside the grid of 24, or over another"}})
            taken |= cells
            stored.append(card | {"id": card["id"] if card["id"] > 0 else uuid.uuid4().int % 10**6 + 1})
        return stored


def model(kind: str, stored: dict[str, Any]) -> str:
    return {"question": "card", "model": "dataset"}[stored["type"]] if kind == "card" else kind


def masked(stored: dict[str, Any]) -> dict[str, Any]:
    if "details" not in stored:
        return stored
    return stored | {"details": stored["details"] | {"password": MASK}}


@contextmanager
def metabase() -> Iterator[StandIn]:
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            try:
                status, answer = (
                    200,
                    stand_in.answer(self.command, self.path, self.headers.get("X-Metabase-Session"), body),
                )
            except Fault as fault:
                status, answer = fault.status, fault.body
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
