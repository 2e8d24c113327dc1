"""Create CHM's models, questions and boards in Metabase 0.54 through its API. A second run changes nothing.

The script reads boards.json in this folder, which `make dashboards` generates, and these environment variables (with
their defaults):

  METABASE_URL                                       the address of Metabase
  METABASE_ADMIN_EMAIL, METABASE_ADMIN_PASSWORD      the administrator, created if Metabase has no user
  METABASE_READER (metabase_reader)                  the database role with which Metabase reads CHM's database
  METABASE_READER_PASSWORD                           its password
  METABASE_DATABASE_HOST, METABASE_DATABASE_PORT (5432), METABASE_DATABASE_NAME (chm)
                                                     the address of CHM's database
  METABASE_DATABASE_SSLMODE (require)                the sslmode of this connection, such as verify-full

Instead of a password, you can set the same name with _FILE, such as METABASE_READER_PASSWORD_FILE, to the path of a
file with the password. The script changes only the collection CHM and the database connection.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

MAX_WAIT_SECONDS = 300


class MetabaseError(Exception):
    """Metabase answered with an error or is not healthy, or an environment variable is missing.

    The message does not contain the request, which may contain a password.
    """


class Metabase:
    """A client of Metabase's API that is logged in as the administrator."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = ""

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Send a request, and return the decoded response, or None if it is empty.

        Raise MetabaseError if Metabase answers with an error.
        """
        request = urllib.request.Request(  # noqa: S310 - the address is the operator's
            f"{self._url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json"}
            | ({"X-Metabase-Session": self._session} if self._session else {}),
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                text = response.read()
        except urllib.error.HTTPError as error:
            reason = error.read(2_000).decode(errors="replace")
            # `from None` omits the cause, which contains the request and may contain a password.
            raise MetabaseError(f"{method} {path} answered {error.code}: {reason}") from None
        return json.loads(text) if text else None

    def wait_until_healthy(self) -> None:
        """Wait until Metabase is healthy; raise MetabaseError after MAX_WAIT_SECONDS."""
        deadline, pause = time.monotonic() + MAX_WAIT_SECONDS, 0.1
        while True:
            try:
                if self.request("GET", "/api/health") == {"status": "ok"}:
                    return
            except (OSError, MetabaseError):
                pass
            if time.monotonic() > deadline:
                raise MetabaseError(f"Metabase at {self._url} did not become healthy in {MAX_WAIT_SECONDS} s.")
            time.sleep(pause)
            # Metabase needs minutes for its first start, so double the pause each time, up to 2 s.
            pause = min(2 * pause, 2)

    def log_in(self, email: str, password: str) -> None:
        """Log in, or create the administrator if Metabase has no user yet."""
        properties = self.request("GET", "/api/session/properties")
        if properties["has-user-setup"]:
            self._session = self.request("POST", "/api/session", {"username": email, "password": password})["id"]
            return
        user = {"email": email, "password": password, "first_name": "CHM", "last_name": "Administrator"}
        preferences = {"site_name": "CHM", "site_locale": "en"}
        setup = {"token": properties["setup-token"], "user": user, "prefs": preferences}
        self._session = self.request("POST", "/api/setup", setup)["id"]
        print_outcome("created", "administrator", email)

    def read_pages(self, path: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        while True:
            page = self.request("GET", f"{path}&limit=100&offset={len(items)}")
            items += page["data"]
            if not page["data"] or len(items) >= page["total"]:
                return items


def provision(metabase: Metabase, content: dict[str, Any], connection_details: dict[str, Any]) -> None:
    """Create the database, collection, models, questions and boards that are missing. Update those that differ."""
    database_id = put_database(metabase, content["database"], connection_details)
    collection_id = put_collection(metabase, content["collection"])
    # Metabase lists models as `dataset` and questions as `card`.
    object_types = "models=card&models=dataset&models=dashboard"
    items = metabase.read_pages(f"/api/collection/{collection_id}/items?{object_types}")
    card_ids = {item["name"]: item["id"] for item in items if item["model"] in {"card", "dataset"}}
    board_ids = {item["name"]: item["id"] for item in items if item["model"] == "dashboard"}
    for section in ("models", "questions"):
        for card in content[section]:
            card_ids[card["name"]] = put_card(metabase, card, database_id, collection_id, card_ids.get(card["name"]))
    for board in content["dashboards"]:
        put_dashboard(metabase, board, card_ids, collection_id, board_ids.get(board["name"]))


def put_database(metabase: Metabase, name: str, connection_details: dict[str, Any]) -> int:
    """Create the database, or update its settings; return its id."""
    expected = {"name": name, "engine": "postgres", "details": connection_details}
    for database in metabase.request("GET", "/api/database")["data"]:
        if database["name"] == name:
            # The API does not return the password. So always set it, because it may have changed.
            metabase.request("PUT", f"/api/database/{database['id']}", expected)
            print_outcome("set", "database", name)
            return int(database["id"])
    created = metabase.request("POST", "/api/database", expected | {"is_full_sync": True})
    print_outcome("created", "database", name)
    return int(created["id"])


def put_collection(metabase: Metabase, expected: dict[str, str]) -> int:
    for collection in metabase.request("GET", "/api/collection"):
        if collection["name"] == expected["name"] and collection.get("location") == "/":
            return int(collection["id"])
    created = metabase.request("POST", "/api/collection", expected)
    print_outcome("created", "collection", expected["name"])
    return int(created["id"])


def put_card(
    metabase: Metabase, card: dict[str, Any], database_id: int, collection_id: int, existing_id: int | None
) -> int:
    """Create or update a model or a question; return its id."""
    native: dict[str, Any] = {"query": card["sql"], "template-tags": card.get("tags", {})}
    expected: dict[str, Any] = {
        "name": card["name"],
        "description": card["description"],
        "type": "model" if "columns" in card else "question",
        "display": card.get("display", "table"),
        "collection_id": collection_id,
        "dataset_query": {"type": "native", "database": database_id, "native": native},
        "visualization_settings": card.get("visualization_settings", {}),
    }
    if "columns" in card:
        expected["result_metadata"] = card["columns"]
    else:
        expected["parameters"] = [
            {"id": tag["id"], "name": tag["display-name"], "slug": name, "type": "string/=",
             "target": ["variable", ["template-tag", name]]}
            for name, tag in card["tags"].items()
        ]  # fmt: skip
    return put_object(metabase, "card", expected, existing_id)


def put_dashboard(
    metabase: Metabase, board: dict[str, Any], card_ids: dict[str, int], collection_id: int, existing_id: int | None
) -> None:
    """Create or update a board with its filters and cards."""
    parameters = []
    for parameter in board["parameters"]:
        source = dict(parameter.get("values_source_config", {}))
        if model := source.pop("model", None):
            source["card_id"] = card_ids[model]
        parameters.append(parameter | ({"values_source_config": source} if source else {}))
    expected = {"name": board["name"], "description": board["description"], "collection_id": collection_id}
    board_id = existing_id or put_object(metabase, "dashboard", expected, None)
    stored = metabase.request("GET", f"/api/dashboard/{board_id}")
    # A dashcard is the place of a card on the board. An existing dashcard keeps its id. For a negative id, Metabase
    # creates a new dashcard.
    dashcard_id_by_card = {dashcard["card_id"]: dashcard["id"] for dashcard in stored["dashcards"]}
    dashcards = [
        {
            "id": dashcard_id_by_card.get(card_ids[card["question"]], -position),
            "card_id": card_ids[card["question"]],
            **{name: card[name] for name in ("row", "col", "size_x", "size_y")},
            "series": [],
            "visualization_settings": {},
            "parameter_mappings": [
                {
                    "parameter_id": parameter["id"],
                    "card_id": card_ids[card["question"]],
                    "target": ["variable", ["template-tag", parameter["slug"]]],
                }
                for parameter in parameters
                if parameter["slug"] in card["tags"]
            ],
        }
        for position, card in enumerate(board["cards"], 1)
    ]
    put_object(metabase, "dashboard", expected | {"parameters": parameters, "dashcards": dashcards}, board_id, stored)


def put_object(
    metabase: Metabase, object_type: str, expected: dict[str, Any], existing_id: int | None, stored: Any = None
) -> int:
    """Create the object, or update it if it differs; return its id."""
    if existing_id is None:
        created = metabase.request("POST", f"/api/{object_type}", expected)
        print_outcome("created", object_type, expected["name"])
        return int(created["id"])
    stored = stored or metabase.request("GET", f"/api/{object_type}/{existing_id}")
    # Metabase adds other keys to the columns of a model, so compare only the keys that CHM sets.
    columns = [{key: column[key] for key in ("name", "display_name", "description")}
               for column in expected.get("result_metadata", [])]  # fmt: skip
    if matches(expected | ({"result_metadata": columns} if columns else {}), stored):
        print_outcome("unchanged", object_type, expected["name"])
    else:
        metabase.request("PUT", f"/api/{object_type}/{existing_id}", expected)
        print_outcome("updated", object_type, expected["name"])
    return existing_id


def matches(expected: Any, stored: Any) -> bool:
    """Return whether the stored value equals the expected value. Ignore keys that only stored objects have."""
    if isinstance(expected, dict):
        return isinstance(stored, dict) and all(matches(value, stored.get(key)) for key, value in expected.items())
    if isinstance(expected, list):
        if not isinstance(stored, list) or len(expected) != len(stored):
            return False
        if expected and isinstance(expected[0], dict) and "id" in expected[0]:
            # Metabase may return objects with ids in another order, so sort both lists.
            expected, stored = (sorted(items, key=lambda item: str(item["id"])) for items in (expected, stored))
        return all(
            matches(expected_item, stored_item) for expected_item, stored_item in zip(expected, stored, strict=True)
        )
    return bool(expected == stored)


def print_outcome(outcome: str, object_type: str, name: str) -> None:
    sys.stdout.write(f"{outcome:<9} {object_type} {name}\n")


def read_variable(name: str, default: str = "") -> str:
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    if value := os.environ.get(name, default):
        return value
    raise MetabaseError(f"{name} is not set.")


def main() -> int:
    try:
        content = json.loads((Path(__file__).parent / "boards.json").read_text())
        connection_details = {
            "host": read_variable("METABASE_DATABASE_HOST"),
            "port": int(read_variable("METABASE_DATABASE_PORT", "5432")),
            "dbname": read_variable("METABASE_DATABASE_NAME", "chm"),
            "user": read_variable("METABASE_READER", "metabase_reader"),
            "password": read_variable("METABASE_READER_PASSWORD"),
            "ssl": True,
            "ssl-mode": read_variable("METABASE_DATABASE_SSLMODE", "require"),
            "schema-filters-type": "inclusion",
            "schema-filters-patterns": "reporting",
        }
        metabase = Metabase(read_variable("METABASE_URL"))
        email, password = read_variable("METABASE_ADMIN_EMAIL"), read_variable("METABASE_ADMIN_PASSWORD")
        metabase.wait_until_healthy()
        metabase.log_in(email, password)
        provision(metabase, content, connection_details)
    except (OSError, MetabaseError) as error:
        sys.stderr.write(f"Stopped, because of an error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
