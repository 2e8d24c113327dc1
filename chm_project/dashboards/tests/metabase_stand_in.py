"""A local server with the endpoints of Metabase 0.54 that provision.py calls. It refuses the same requests as Metabase.

GET  /api/health                  {"status": "ok"}; 503 {"status": "initializing"} while it starts
GET  /api/session/properties      has-user-setup; also setup-token until there is a user
POST /api/setup                   create the first user with the setup token -> {"id": session}; 403 if there is a user
POST /api/session                 username, password -> {"id": session}; 401 {"errors": ...} if they are wrong
All other endpoints need the header X-Metabase-Session; without it 401.
GET, POST /api/database, PUT /api/database/:id     the password in the response is always **MetabasePass**
GET, POST /api/collection         GET returns a list that begins with the root collection; POST needs a name
GET  /api/collection/:id/items    models=..., limit, offset -> {"data", "total", ...}. A model of Metabase has the
                                  type "dataset"
POST, GET, PUT /api/card[/:id]    required: name, display, dataset_query, visualization_settings. A model must not have
                                  template tags. Each tag in the query needs a definition with id, name, display-name
                                  and type
POST, GET, PUT /api/dashboard[/:id]    PUT replaces all dashcards: a card with a negative id is
                                       created, and a card whose id is not in the request is deleted
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

PASSWORD_MASK = "**MetabasePass**"
CARD_KEYS = {
    "name", "description", "type", "display", "collection_id", "dataset_query", "visualization_settings", "parameters",
    "result_metadata",
}  # fmt: skip
DASHBOARD_KEYS = {"name", "description", "collection_id", "parameters", "dashcards"}


class ErrorResponse(Exception):
    def __init__(self, status: int, body: object) -> None:
        self.status, self.body = status, body


class MetabaseStandIn:
    def __init__(self) -> None:
        self.remaining_503_responses = 1
        self.setup_token: str | None = str(uuid.uuid4())
        self.users: dict[str, str] = {}
        self.sessions: set[str] = set()
        self.stored: dict[str, dict[int, dict[str, Any]]] = {
            object_type: {} for object_type in ("database", "collection", "card", "dashboard")
        }
        self.requests: list[tuple[str, str, Any]] = []
        self.url = ""

    def answer(self, method: str, target: str, session: str | None, body: Any) -> Any:
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        self.requests.append((method, path, body))
        match (method, path):
            case ("GET", "/api/health"):
                if self.remaining_503_responses:
                    self.remaining_503_responses -= 1
                    raise ErrorResponse(503, {"status": "initializing", "progress": 0.5})
                return {"status": "ok"}
            case ("GET", "/api/session/properties"):
                return {"has-user-setup": bool(self.users), "setup-token": self.setup_token}
            case ("POST", "/api/setup"):
                return self.set_up(body)
            case ("POST", "/api/session"):
                if self.users.get(body["username"]) != body["password"]:
                    raise ErrorResponse(401, {"errors": {"password": "did not match stored password"}})
                return self.start_session()
        if session not in self.sessions:
            raise ErrorResponse(401, "Unauthenticated")
        route = re.fullmatch(r"/api/(database|collection|card|dashboard)(?:/(\d+)(/items)?)?", path)
        if not route:
            raise ErrorResponse(404, "API endpoint does not exist.")
        object_type, object_id = route[1], int(route[2] or 0)
        if object_id and object_id not in self.stored[object_type]:
            raise ErrorResponse(404, "Not found.")
        if route[3] and (method, object_type) == ("GET", "collection"):
            return self.items(object_id, query)
        match (method, object_type, bool(object_id)):
            case ("GET", "database", False):
                return {
                    "data": [without_password(row) for row in self.stored[object_type].values()],
                    "total": len(self.stored[object_type]),
                }
            case ("GET", "collection", False):
                return [{"id": "root", "name": "Our analytics"}, *self.stored[object_type].values()]
            case ("GET", "card" | "dashboard", True):
                return self.stored[object_type][object_id]
            case ("POST", _, False):
                return self.create(object_type, body)
            case ("PUT", "database" | "card" | "dashboard", True):
                return self.update(object_type, object_id, body)
        raise ErrorResponse(404, "API endpoint does not exist.")

    def set_up(self, body: Any) -> Any:
        if self.users:
            raise ErrorResponse(403, "The /api/setup route can only be used to create the first user")
        if body["token"] != self.setup_token:
            raise ErrorResponse(400, {"errors": {"token": "Token does not match the setup token."}})
        if not body["prefs"]["site_name"] or len(body["user"]["password"]) < 6:
            raise ErrorResponse(400, {"errors": {"password": "password is too common."}})
        self.users[body["user"]["email"]], self.setup_token = body["user"]["password"], None
        return self.start_session()

    def start_session(self) -> dict[str, str]:
        self.sessions.add(session := str(uuid.uuid4()))
        return {"id": session}

    def items(self, collection: int, query: dict[str, list[str]]) -> Any:
        rows = [
            {"id": row["id"], "name": row["name"], "model": item_type(object_type, row)}
            for object_type in ("card", "dashboard")
            for row in self.stored[object_type].values()
            if row["collection_id"] == collection and item_type(object_type, row) in query["models"]
        ]
        # Return at most seven rows, so that provision.py must read several pages.
        limit, offset = min(int(query["limit"][0]), 7), int(query["offset"][0])
        return {"data": rows[offset : offset + limit], "total": len(rows), "limit": limit, "offset": offset}

    def create(self, object_type: str, body: Any) -> Any:
        object_id = max((object_id for rows in self.stored.values() for object_id in rows), default=10) + 1
        self.stored[object_type][object_id] = {"id": object_id, "entity_id": uuid.uuid4().hex[:21], "archived": False}
        if object_type == "dashboard":
            self.stored[object_type][object_id] |= {"parameters": [], "dashcards": []}
        if object_type == "collection":
            self.stored[object_type][object_id] |= {"location": "/"}
        try:
            return self.update(object_type, object_id, body, is_new=True)
        except ErrorResponse:
            del self.stored[object_type][object_id]
            raise

    def update(self, object_type: str, object_id: int, body: Any, *, is_new: bool = False) -> Any:
        if not str(body.get("name", "")).strip():
            raise ErrorResponse(400, {"errors": {"name": "value must be a non-blank string."}})
        if object_type == "card":
            self.check_card(body)
        if object_type == "dashboard":
            if unknown := set(body) - DASHBOARD_KEYS:
                raise ErrorResponse(400, {"errors": dict.fromkeys(unknown, "unknown key")})
            if is_new and "dashcards" in body:
                raise ErrorResponse(400, {"errors": {"dashcards": "can only be set with PUT"}})
            body = body | {"dashcards": self.dashcards(body.get("dashcards", []), self.stored[object_type][object_id])}
        self.stored[object_type][object_id] |= json.loads(json.dumps(body))
        return without_password(self.stored[object_type][object_id])

    def check_card(self, body: Any) -> None:
        missing = {"name", "display", "dataset_query", "visualization_settings"} - set(body)
        if missing or set(body) - CARD_KEYS:
            raise ErrorResponse(400, {"errors": dict.fromkeys(missing | (set(body) - CARD_KEYS), "missing or unknown")})
        query = body["dataset_query"]
        if query["database"] not in self.stored["database"] or query["type"] != "native":
            raise ErrorResponse(400, {"errors": {"dataset_query": "Value must be a map."}})
        tags = query["native"]["template-tags"]
        if set(re.findall(r"\{\{\s*(\w+)\s*\}\}", query["native"]["query"])) != set(tags):
            raise ErrorResponse(400, {"errors": {"template-tags": "differ from the tags in the query"}})
        for name, tag in tags.items():
            if not {"id", "name", "display-name", "type"} <= set(tag) or tag["name"] != name:
                raise ErrorResponse(400, {"errors": {"template-tags": f"{name} is not complete"}})
        if body["type"] == "model" and tags:
            raise ErrorResponse(400, "A model made from a native SQL question cannot have a variable or field filter.")

    def dashcards(self, requested: list[dict[str, Any]], board: dict[str, Any]) -> list[dict[str, Any]]:
        existing_ids = {card["id"] for card in board["dashcards"]}
        used_cells: set[tuple[int, int]] = set()
        stored = []
        for card in requested:
            if card["id"] > 0 and card["id"] not in existing_ids:
                raise ErrorResponse(404, "Not found.")
            if card["card_id"] not in self.stored["card"]:
                raise ErrorResponse(400, {"errors": {"dashcards": "no such card"}})
            cells = {(card["col"] + x, card["row"] + y) for x in range(card["size_x"]) for y in range(card["size_y"])}
            if max(x for x, _ in cells) > 23 or cells & used_cells:
                raise ErrorResponse(400, {"errors": {"dashcards": "outside the 24 columns, or over another card"}})
            used_cells |= cells
            stored.append(card | {"id": card["id"] if card["id"] > 0 else uuid.uuid4().int % 10**6 + 1})
        return stored


def item_type(object_type: str, stored: dict[str, Any]) -> str:
    return {"question": "card", "model": "dataset"}[stored["type"]] if object_type == "card" else object_type


def without_password(stored: dict[str, Any]) -> dict[str, Any]:
    if "details" not in stored:
        return stored
    return stored | {"details": stored["details"] | {"password": PASSWORD_MASK}}


@contextmanager
def run_stand_in() -> Iterator[MetabaseStandIn]:
    stand_in = MetabaseStandIn()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            try:
                status, response = (
                    200,
                    stand_in.answer(self.command, self.path, self.headers.get("X-Metabase-Session"), body),
                )
            except ErrorResponse as error:
                status, response = error.status, error.body
            text = json.dumps(response).encode()
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
