"""The configuration of connections to partner systems, read from one TOML file without secrets.

    [connections.northwind-airflow]
    connector = "airflow"                      # docs/connectors.md lists them
    base_url = "https://airflow.northwind.example"
    interval_seconds = 60
    auth = { kind = "airflow_token", username = "chm", secret_env = "NORTHWIND_AIRFLOW_PASSWORD" }
    pipelines = { clients = ["Northwind"], platform = "airflow", environment = "prod" }

Kinds of auth are none, bearer, basic, header, oauth2 and airflow_token. The secret is in the environment variable
`secret_env` or in the file `secret_file`. `pipelines` selects by clients (names), platform, environment, and
external_ids (a list) or external_id_prefix. Without `pipelines`, a connection selects every pipeline that has an
external id.

`connector` is the name of a connector in Python, the name of a preset, or "declarative". A preset is a description of a
partner's API that is part of CHM. With a preset, the table `source` replaces single keys of the preset. With
"declarative", the table `source` is the whole description.

Without a connections file, CHM_PARTNER_API_BASE_URL and CHM_PARTNER_API_TOKEN define one generic connection, "default".
"""

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q

from chm_project.api.web_addresses import is_web_address
from chm_project.settings.config_reader import ConfigReader
from chm_project.settings.environment import env
from ingestion.auth import (
    AirflowTokenAuth,
    Auth,
    BasicAuth,
    BearerAuth,
    ClientCredentialsAuth,
    HeaderAuth,
    fits_into_header,
)
from ingestion.connectors import CONNECTORS
from ingestion.connectors.base import Connector
from ingestion.connectors.declarative import DeclarativeConnector
from ingestion.connectors.source_description import PRESETS, SourceDescription, read_preset, read_source
from ingestion.http import HttpSettings, PartnerSession
from ingestion.links import EXTERNAL_ID, RUN_ID, Links, expand_links, is_template, link_templates
from inventory.selection import PipelineSelection, read_selection

# A connection's name is part of cache keys, locks and labels of metrics.
CONNECTION_NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
DECLARATIVE = "declarative"
# The keys that each kind of auth requires; "secret" stands for secret_env or secret_file.
REQUIRED_AUTH_KEYS = {
    "none": (),
    "bearer": ("secret",),
    "basic": ("username", "secret"),
    "header": ("header", "secret"),
    "oauth2": ("token_url", "client_id", "secret"),
    "airflow_token": ("username", "secret"),
}


# How the client id and the secret are sent to token_url: in a form, in the header Authorization, or in a JSON body.
CLIENT_CREDENTIAL_STYLES = ("form", "basic", "json")
HEADER_NAME_PATTERN = re.compile(r"[A-Za-z0-9-]+")


class ConfigurationError(Exception):
    """All mistakes in the configuration of connections, one per line, without secrets."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("\n".join(self.mistakes))


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How to authenticate, and where the secret is. The secret is no attribute, so that `repr` does not show it."""

    kind: str = "none"
    username: str = ""
    secret_env: str = ""
    secret_file: str = ""
    header: str = ""
    prefix: str = ""  # the key `word`: the text before the secret in the header
    token_url: str = ""
    client_id: str = ""
    scope: str = ""
    style: str = "form"  # one of CLIENT_CREDENTIAL_STYLES

    def secret(self) -> str:
        """Return the secret. Raise LookupError with a message that says what to configure."""
        place = f"secret_file {self.secret_file}" if self.secret_file else f"the file that {self.secret_env}_FILE names"
        try:
            value = Path(self.secret_file).read_text().strip() if self.secret_file else env.raw(self.secret_env)
        except OSError as error:
            raise LookupError(f"cannot read {place}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise LookupError(f"{place} is not UTF-8") from None
        if not value:
            raise LookupError(
                f"{place} is empty" if self.secret_file else f"the environment variable {self.secret_env} is not set"
            )
        return value


@dataclass(frozen=True, slots=True)
class Connection:
    """A partner system as the connections file describes it. docs/connectors.md explains each key."""

    name: str
    connector: str
    base_url: str
    auth: AuthSettings = field(default_factory=AuthSettings)
    pipelines: PipelineSelection = field(default_factory=PipelineSelection)
    http_settings: HttpSettings = field(default_factory=HttpSettings)
    interval_seconds: int = 60
    reconcile_days: int = 3  # once a day, CHM reads the runs of this many past days again; 0: never
    inventory_seconds: int = 300  # the time between two readings of the source's list of pipelines; 0: never read
    adopt_clients: tuple[tuple[str, str], ...] = ()  # patterns for external ids, each with a client's name
    ui_url: str = ""  # the URL of the partner's user interface if it is not base_url, or the URL template of run pages
    source_description: SourceDescription | None = None  # the description of the API, for presets and "declarative"

    def condition(self) -> Q:
        """Return the condition for the pipelines that the connection selects."""
        return Q(external_id__isnull=False) & self.pipelines.condition()

    def client_of(self, external_id: str) -> str:
        """Return the name of the client to which `adopt_clients` assigns this external id.

        If no pattern matches, return the only client that the connection selects, or "" if it selects several or none.
        """
        for pattern, client in self.adopt_clients:
            if fnmatchcase(external_id, pattern):
                return client
        return self.pipelines.clients[0] if len(self.pipelines.clients) == 1 else ""

    def create_connector(self, session: PartnerSession, has_pipeline: Callable[[str], bool]) -> Connector:
        """Return the connector. `has_pipeline` returns whether a pipeline of the connection has this external id."""
        if self.source_description is not None:
            return DeclarativeConnector(session, self.source_description, has_pipeline=has_pipeline)
        return CONNECTORS[self.connector](session, has_pipeline)

    def links(self, connector: Connector, external_ids: Collection[str]) -> Mapping[str, Links]:
        """Return the links to pipelines and their runs by external id. Raise PartnerError."""
        if is_template(self.ui_url):
            return expand_links(link_templates(self.ui_url), external_ids)
        return connector.links(external_ids, (self.ui_url or self.base_url).rstrip("/"))

    def create_auth(self) -> Auth:
        """Return the authentication with its secret. Raise ConfigurationError if there is no usable secret."""
        if self.auth.kind == "none":
            return Auth()
        try:
            secret = self.auth.secret()
        except LookupError as error:
            raise ConfigurationError([f"connections.{self.name}.auth: {error}"]) from None
        if self.auth.kind in {"bearer", "header"} and not fits_into_header(secret):
            raise ConfigurationError(
                [f"connections.{self.name}.auth: the secret has a character that no header can have, such as é"]
            )
        match self.auth.kind:
            case "bearer":
                return BearerAuth(secret)
            case "basic":
                return BasicAuth(self.auth.username, secret)
            case "header":
                return HeaderAuth(self.auth.header, self.auth.prefix, secret)
            case "oauth2":
                return ClientCredentialsAuth(
                    self.name,
                    token_url=self.auth.token_url,
                    client_id=self.auth.client_id,
                    secret=secret,
                    scope=self.auth.scope,
                    style=self.auth.style,
                )
            case "airflow_token":
                return AirflowTokenAuth(self.name, self.auth.username, secret)
            case unknown:
                raise AssertionError(f"unknown auth kind {unknown!r}")


def configured_connections() -> dict[str, Connection]:
    """Return all connections by name. Raise ConfigurationError with every mistake.

    This reads no secrets (Connection.create_auth does). So a web server without the secrets can show connections and
    start ingestions.
    """
    if settings.CHM_CONNECTIONS_FILE:
        return read_connections_file(Path(settings.CHM_CONNECTIONS_FILE))
    if settings.CHM_PARTNER_API_BASE_URL:
        return {"default": _default_connection()}
    raise ConfigurationError(
        ["No partner is configured: set CHM_CONNECTIONS_FILE to a connections file, or CHM_PARTNER_API_BASE_URL."]
    )


def missing_secrets(connections: Iterable[Connection]) -> list[str]:
    """Return one line for each connection whose secret is not available to this process."""
    missing: list[str] = []
    for connection in connections:
        try:
            connection.create_auth()
        except ConfigurationError as error:
            missing.extend(error.mistakes)
    return missing


def read_connections_file(path: Path) -> dict[str, Connection]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError([f"cannot read the connections file {path}: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path} is not TOML: {error}"]) from None
    reader = ConfigReader()
    tables = reader.table(document, "connections", required=True)
    reader.refuse_unknown_keys(document, "", {"connections"})
    connections = {name: _read_connection(reader, name, table) for name, table in tables.items()}
    if not connections and not reader.mistakes:
        reader.mistakes.append("connections: the file has no connection")
    if reader.mistakes:
        raise ConfigurationError(f"{path}: {mistake}" for mistake in reader.mistakes)
    return connections


def _default_connection() -> Connection:
    mistakes = _address_mistakes(settings.CHM_PARTNER_API_BASE_URL)
    if mistakes:
        raise ConfigurationError(f"CHM_PARTNER_API_BASE_URL {mistake}" for mistake in mistakes)
    token = settings.CHM_PARTNER_API_TOKEN
    return Connection(
        name="default",
        connector="generic",
        base_url=settings.CHM_PARTNER_API_BASE_URL,
        auth=_DefaultToken(kind="bearer") if token else AuthSettings(),
        http_settings=_default_http_settings(),
        interval_seconds=settings.CHM_INGEST_INTERVAL_SECONDS,
    )


class _DefaultToken(AuthSettings):
    """The token of the default connection, from CHM_PARTNER_API_TOKEN or CHM_PARTNER_API_TOKEN_FILE."""

    __slots__ = ()

    def secret(self) -> str:
        return str(settings.CHM_PARTNER_API_TOKEN)


def _default_http_settings() -> HttpSettings:
    return HttpSettings(
        timeout_seconds=settings.CHM_HTTP_TIMEOUT_SECONDS,
        max_retries=settings.CHM_HTTP_MAX_RETRIES,
        backoff_seconds=settings.CHM_HTTP_BACKOFF_SECONDS,
    )


def _address_mistakes(base_url: str) -> list[str]:
    mistakes = []
    try:
        address = urlsplit(base_url)
        is_usable = address.scheme in {"http", "https"} and bool(address.hostname)
        _ = address.port  # raises ValueError for a bad port, which urlsplit accepts
    except ValueError:
        return ["is not an http:// or https:// address"]
    if not is_usable:
        mistakes.append("is not an http:// or https:// address")
    if "@" in address.netloc:
        mistakes.append("contains a user name or password; set them in auth")
    if address.query or address.fragment:
        mistakes.append("has a query or a fragment; remove it")
    return mistakes


def _read_connection(reader: ConfigReader, name: str, table: Any) -> Connection:
    table_name = f"connections.{name}"
    if not CONNECTION_NAME_PATTERN.fullmatch(name):
        reader.mistakes.append(
            f"{table_name}: a name has at most 63 characters: letters, digits, '.', '_' or '-', first a letter or digit"
        )
    if not isinstance(table, dict):
        reader.mistakes.append(f"{table_name}: must be a table")
        return Connection(name, "generic", "")
    defaults = _default_http_settings()
    base_url = reader.text(table, table_name, "base_url", required=True)
    if base_url:
        reader.mistakes.extend(f"{table_name}.base_url {mistake}" for mistake in _address_mistakes(base_url))
    connector = reader.choice(table, table_name, "connector", (*CONNECTORS, *PRESETS, DECLARATIVE), required=True)
    connection = Connection(
        name=name,
        connector=connector,
        base_url=base_url,
        auth=_read_auth(reader, f"{table_name}.auth", reader.table(table, "auth", table_name)),
        pipelines=read_selection(reader, f"{table_name}.pipelines", reader.table(table, "pipelines", table_name)),
        http_settings=HttpSettings(
            timeout_seconds=reader.number(table, table_name, "timeout_seconds", defaults.timeout_seconds, 0.1, 600),
            max_retries=int(reader.number(table, table_name, "max_retries", defaults.max_retries, 0, 20)),
            backoff_seconds=reader.number(table, table_name, "backoff_seconds", defaults.backoff_seconds, 0, 300),
            requests_per_second=reader.number(table, table_name, "requests_per_second", 0, 0, 1_000),
        ),
        interval_seconds=int(
            reader.number(table, table_name, "interval_seconds", settings.CHM_INGEST_INTERVAL_SECONDS, 1, 86_400)
        ),
        adopt_clients=_read_adopt_clients(reader, table_name, table),
        ui_url=_read_ui_url(reader, table_name, table),
        reconcile_days=int(reader.number(table, table_name, "reconcile_days", 3, 0, 90)),
        inventory_seconds=int(reader.number(table, table_name, "inventory_seconds", 300, 0, 86_400)),
        source_description=_read_source_table(reader, table_name, connector, table),
    )
    reader.refuse_unknown_keys(
        table,
        table_name,
        {"connector", "base_url", "auth", "pipelines", "timeout_seconds", "max_retries", "backoff_seconds",
         "interval_seconds", "reconcile_days", "inventory_seconds", "adopt_clients", "requests_per_second", "ui_url",
         "source"},
    )  # fmt: skip
    return connection


def _read_adopt_clients(reader: ConfigReader, table_name: str, table: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    rules = reader.table(table, "adopt_clients", table_name)
    return tuple((pattern, reader.text(rules, f"{table_name}.adopt_clients", pattern)) for pattern in rules)


def _read_ui_url(reader: ConfigReader, table_name: str, table: Mapping[str, Any]) -> str:
    ui_url = reader.text(table, table_name, "ui_url")
    if not ui_url:
        return ""
    address, placeholders = ui_url, (EXTERNAL_ID, RUN_ID)
    for placeholder in placeholders:
        address = address.replace(placeholder, "x")
    try:
        parts = urlsplit(address)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and is_web_address(address)
    except ValueError:
        is_usable = None
    # The last condition refuses a placeholder in the host: a link must not lead to a host that an external id names.
    if not is_usable or "@" in parts.netloc or parts.netloc != urlsplit(ui_url).netloc:
        reader.mistakes.append(f"{table_name}.ui_url: is not an http:// or https:// address")
    elif "{" in address:
        reader.mistakes.append(f"{table_name}.ui_url: the only placeholders are {' and '.join(placeholders)}")
    elif is_template(ui_url) and RUN_ID not in ui_url:
        reader.mistakes.append(
            f"{table_name}.ui_url: a template must contain {RUN_ID}, because it is for pages of runs"
        )
    return ui_url


def _read_source_table(
    reader: ConfigReader, table_name: str, connector: str, table: Mapping[str, Any]
) -> SourceDescription | None:
    if connector in PRESETS or connector == DECLARATIVE:
        preset = read_preset(connector) if connector in PRESETS else {}
        return read_source(
            reader, f"{table_name}.source", reader.table(table, "source", table_name, required=not preset), preset
        )
    if "source" in table and connector:
        reader.mistakes.append(f"{table_name}.source: the connector {connector} does not use a table source")
    return None


def _read_auth(reader: ConfigReader, table_name: str, table: Mapping[str, Any]) -> AuthSettings:
    kind = reader.choice(table, table_name, "kind", tuple(REQUIRED_AUTH_KEYS), default="none")
    auth = AuthSettings(
        kind=kind,
        username=reader.text(table, table_name, "username"),
        secret_env=reader.text(table, table_name, "secret_env"),
        secret_file=reader.text(table, table_name, "secret_file"),
        header=reader.text(table, table_name, "header"),
        prefix=reader.text(table, table_name, "word"),
        token_url=reader.text(table, table_name, "token_url"),
        client_id=reader.text(table, table_name, "client_id"),
        scope=reader.text(table, table_name, "scope"),
        style=reader.choice(table, table_name, "style", CLIENT_CREDENTIAL_STYLES, default="form"),
    )
    required = REQUIRED_AUTH_KEYS.get(kind, ())
    reader.mistakes.extend(
        f"{table_name}.{key}: is required for {kind}" for key in required if key != "secret" and not getattr(auth, key)
    )
    if auth.prefix and not fits_into_header(auth.prefix):
        reader.mistakes.append(f"{table_name}.word: has a character that no header can have")
    if auth.header and not HEADER_NAME_PATTERN.fullmatch(auth.header):
        reader.mistakes.append(f"{table_name}.header: is not the name of a header")
    if auth.token_url:
        reader.mistakes.extend(f"{table_name}.token_url {mistake}" for mistake in _address_mistakes(auth.token_url))
    if "secret" in required and bool(auth.secret_env) == bool(auth.secret_file):
        reader.mistakes.append(f"{table_name}: {kind} needs either secret_env or secret_file")
    reader.refuse_unknown_keys(
        table,
        table_name,
        {"kind", "username", "secret_env", "secret_file", "header", "word", "token_url", "client_id", "scope",
         "style"},
    )  # fmt: skip
    return auth
