"""Read planned maintenance, owners and runbooks from the TOML file that CHM_MAINTENANCE_FILE names.

    [[maintenance]]
    reason = "Backup of the warehouse"
    pipelines = { clients = ["Northwind"], platform = "airflow" }
    days = ["saturday"]                        # weekly; the next table has dates instead of days
    from = 22:00:00
    until = 02:00:00                           # of the next day, Sunday
    zone = "Europe/Berlin"                     # default: UTC

    [[maintenance]]
    reason = "Move to the new cluster"
    pipelines = { external_id_prefix = "etl_" }
    from = 2026-12-05T20:00:00
    until = 2026-12-06T06:00:00
    zone = "Europe/Berlin"

    [[owners]]
    pipelines = { clients = ["Northwind"] }
    owner = "Data platform, #data-platform"
    runbook_url = "https://wiki.example/runbooks/northwind"

`pipelines` selects pipelines as in the connections file. A table without `pipelines` applies to all pipelines. If
several tables [[owners]] select a pipeline, CHM uses the first `owner` and the first `runbook_url`. A file with a fault
is ignored completely (decision 0032).
"""

import logging
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings

from chm_project.api.web_addresses import is_web_address
from chm_project.settings.config_reader import ConfigReader
from inventory.maintenance_windows import (
    WEEKDAYS,
    DatedWindow,
    MaintenanceWindow,
    WeeklyWindow,
    WindowSpan,
    first_moment,
    last_moment,
)
from inventory.selection import PipelineSelection, read_selection

logger = logging.getLogger(__name__)

MAX_TABLES = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A window of planned maintenance, and the pipelines that it applies to."""

    reason: str
    pipelines: PipelineSelection
    window: MaintenanceWindow


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner and the runbook of the selected pipelines. One of them can be empty."""

    pipelines: PipelineSelection
    owner: str
    runbook_url: str


@dataclass(frozen=True, slots=True)
class MaintenanceFile:
    """The content of the file. If there are `faults`, `maintenance` and `owners` are empty."""

    maintenance: tuple[Maintenance, ...] = ()
    owners: tuple[Owner, ...] = ()
    faults: tuple[str, ...] = ()


def maintenance_file() -> MaintenanceFile:
    """Return the content of the file.

    After a change of the file, read it again, and log its faults once per process.
    """
    if not settings.CHM_MAINTENANCE_FILE:
        return MaintenanceFile()
    path = Path(settings.CHM_MAINTENANCE_FILE)
    try:
        stat = path.stat()
    except OSError as error:
        return _unreadable_file(str(path), error.strerror or "it cannot be read")
    return _read_cached(path, stat.st_mtime_ns, stat.st_size)


# The cache key contains the file's modification time and size, so that a changed file is read again.
@lru_cache(maxsize=8)
def _read_cached(path: Path, _changed_at: int, _size: int) -> MaintenanceFile:
    return _with_logged_faults(read_maintenance_file(path))


@lru_cache(maxsize=8)
def _unreadable_file(path: str, reason: str) -> MaintenanceFile:
    return _with_logged_faults(MaintenanceFile(faults=(f"cannot read {path}: {reason}",)))


def _with_logged_faults(content: MaintenanceFile) -> MaintenanceFile:
    for fault in content.faults:
        logger.error("CHM_MAINTENANCE_FILE: %s", fault)
    return content


def read_maintenance_file(path: Path) -> MaintenanceFile:
    """Return the content of the file. If the file has faults, return all of its faults and nothing else."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return MaintenanceFile(faults=(f"cannot read {path}: {error.strerror}",))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return MaintenanceFile(faults=(f"{path} is not TOML: {error}",))
    reader = ConfigReader()
    reader.refuse_unknown_keys(document, "", {"maintenance", "owners"})
    maintenance = [
        _read_maintenance(reader, table_name, table) for table_name, table in _tables(reader, document, "maintenance")
    ]
    owners = [_read_owner(reader, table_name, table) for table_name, table in _tables(reader, document, "owners")]
    if reader.mistakes:
        return MaintenanceFile(faults=tuple(f"{path}: {mistake}" for mistake in reader.mistakes))
    return MaintenanceFile(tuple(entry for entry in maintenance if entry), tuple(owners))


def _tables(reader: ConfigReader, document: Mapping[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
    """Return (name, table) for each table of an array. Messages use the name. Example: maintenance[1] is the first."""
    value = document.get(key, [])
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        reader.mistakes.append(f"{key}: must be tables, each below a line [[{key}]]")
        return []
    if len(value) > MAX_TABLES:
        reader.mistakes.append(f"{key}: more than {MAX_TABLES} tables")
    return [(f"{key}[{number}]", table) for number, table in enumerate(value, start=1)]


def _read_maintenance(reader: ConfigReader, table_name: str, table: dict[str, Any]) -> Maintenance | None:
    reason = reader.text(table, table_name, "reason", required=True)
    pipelines = read_selection(reader, f"{table_name}.pipelines", reader.table(table, "pipelines", table_name))
    zone = _read_zone(reader, table_name, table)
    window = (_read_weekly_window if "days" in table else _read_dated_window)(reader, table_name, table, zone)
    reader.refuse_unknown_keys(table, table_name, {"reason", "pipelines", "days", "from", "until", "zone"})
    return Maintenance(reason, pipelines, window) if window else None


def _read_zone(reader: ConfigReader, table_name: str, table: dict[str, Any]) -> ZoneInfo:
    name = reader.text(table, table_name, "zone") or "UTC"
    try:
        return ZoneInfo(name)
    # ZoneInfo raises KeyError for an unknown name, ValueError for a malformed one, and OSError for a folder (Europe).
    except (ValueError, OSError, KeyError):
        reader.mistakes.append(f"{table_name}.zone: {name!r} is not an IANA time zone such as Europe/Berlin")
        return ZoneInfo("UTC")


def _read_weekly_window(
    reader: ConfigReader, table_name: str, table: dict[str, Any], zone: ZoneInfo
) -> WeeklyWindow | None:
    days = reader.texts(table, table_name, "days")
    unknown = [day for day in days if day not in WEEKDAYS]
    if unknown:
        reader.mistakes.append(f"{table_name}.days: {', '.join(unknown)}: must be one of {', '.join(WEEKDAYS)}")
    start, end = (
        _required_value(reader, table_name, table, key, time, "a time such as 22:00:00") for key in ("from", "until")
    )
    if start is None or end is None or unknown or not days:
        return None
    return WeeklyWindow(frozenset(WEEKDAYS.index(day) for day in days), start, end, zone)


def _read_dated_window(
    reader: ConfigReader, table_name: str, table: dict[str, Any], zone: ZoneInfo
) -> DatedWindow | None:
    expected = "a date and time such as 2026-12-05T20:00:00"
    start, end = (_required_value(reader, table_name, table, key, datetime, expected) for key in ("from", "until"))
    if start is None or end is None:
        return None
    since = _moment_in_utc(reader, f"{table_name}.from", start, zone, first_moment)
    until = _moment_in_utc(reader, f"{table_name}.until", end, zone, last_moment)
    if since is None or until is None:
        return None
    if since >= until:
        reader.mistakes.append(f"{table_name}.until: must be after from")
        return None
    return DatedWindow(WindowSpan(since, until))


def _moment_in_utc(
    reader: ConfigReader,
    key_name: str,
    local: datetime,
    zone: ZoneInfo,
    moment_of: Callable[[datetime, ZoneInfo], datetime],
) -> datetime | None:
    try:
        return local.astimezone(UTC) if local.tzinfo else moment_of(local, zone)
    except OverflowError:
        reader.mistakes.append(f"{key_name}: is not between the years 1 and 9999 in UTC")
        return None


def _required_value(
    reader: ConfigReader, table_name: str, table: dict[str, Any], key: str, value_type: type[T], expected: str
) -> T | None:
    value = table.get(key)
    if isinstance(value, value_type):
        return value
    fault = "is missing" if value is None else f"must be {expected}, without quotes"
    reader.mistakes.append(f"{table_name}.{key}: {fault}")
    return None


def _read_owner(reader: ConfigReader, table_name: str, table: dict[str, Any]) -> Owner:
    pipelines = read_selection(reader, f"{table_name}.pipelines", reader.table(table, "pipelines", table_name))
    owner, runbook_url = (reader.text(table, table_name, key) for key in ("owner", "runbook_url"))
    if not table.keys() & {"owner", "runbook_url"}:
        reader.mistakes.append(f"{table_name}: needs owner, runbook_url or both")
    if runbook_url and not is_web_address(runbook_url):
        reader.mistakes.append(f"{table_name}.runbook_url: is not an http:// or https:// address")
    reader.refuse_unknown_keys(table, table_name, {"pipelines", "owner", "runbook_url"})
    return Owner(pipelines, owner, runbook_url)
