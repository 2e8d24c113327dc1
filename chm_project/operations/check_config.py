"""`chm check-config`: print each setting as CHM reads it, without secrets, and all errors.

With invalid settings, Django does not start. So the command reads the settings before it starts Django.
"""

import argparse
import contextlib
import difflib
import importlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chm_project.settings.environment import Variable, as_text, env

# The exit status of every command with an invalid configuration.
EXIT_INVALID = 2
DEVELOPMENT = "chm_project.settings.development"
# Settings need the addresses of servers. This command does not connect to servers, so these addresses need not exist.
PLACEHOLDER_ADDRESSES = {"CHM_DATABASE_URL": "postgresql:///none", "CHM_BROKER_URL": "redis://localhost/0"}


@dataclass(slots=True)
class ConfigReport:
    """The settings module, the variables that it read, and the messages about them."""

    settings_module: str
    variables: dict[str, Variable]
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        settings = {
            name: {
                "value": variable.display_value,
                "origin": variable.origin,
                "default": "" if variable.is_secret else as_text(variable.default),
                "kind": variable.value_kind,
            }
            for name, variable in sorted(self.variables.items())
        }
        document = {
            "module": self.settings_module,
            "settings": settings,
            "faults": self.faults,
            "warnings": self.warnings,
        }
        return json.dumps(document, indent=2)

    def lines(self) -> Iterator[str]:
        yield f"settings: {self.settings_module}"
        yield ""
        for name, variable in sorted(self.variables.items()):
            yield f"{name} = {variable.display_value}" if variable.display_value else f"{name} is not set"
            if variable.origin != "default":
                default = as_text(variable.default)
                shows_default = default and not variable.is_secret and default != as_text(variable.value)
                yield f"    from: {variable.origin}" + (f"; default: {default}" if shows_default else "")
        for kind, messages in (("warning", self.warnings), ("fault", self.faults)):
            if messages:
                yield ""
            for message in messages:
                yield f"{kind}: {message}"
        yield ""
        yield (
            f"faults: {len(self.faults)}; correct them before you start CHM"
            if self.faults
            else "no faults: CHM starts with these settings"
        )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="chm check-config", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    config = read_config()
    sys.stdout.write((config.as_json() if options.json else "\n".join(config.lines())) + "\n")
    return EXIT_INVALID if config.faults else 0


def read_config() -> ConfigReport:
    """Read the settings and the files that they name. Return all variables, errors and warnings."""
    module = os.environ.setdefault("DJANGO_SETTINGS_MODULE", DEVELOPMENT)
    embedded_names = set[str]()
    if not module.endswith(".production"):
        # If an address is not set, other commands start an embedded server. This command uses a placeholder.
        embedded_names = {name for name in PLACEHOLDER_ADDRESSES if not _is_set(name)}
        os.environ.update({name: PLACEHOLDER_ADDRESSES[name] for name in embedded_names})
    import_error = ""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        return ConfigReport(module, {}, [f"DJANGO_SETTINGS_MODULE names {module}: {error}."])
    except Exception as error:  # noqa: BLE001 - reported below, unless env.faults has the cause
        import_error = "" if env.faults else f"{module}: {error}"
    config = ConfigReport(module, dict(env.variables))
    for name in embedded_names:
        config.variables[name] = Variable("a URL", "", "the embedded server", "default")
    config.faults = [f"{name} {problem}" for name, problem in env.faults.items()]
    config.faults += [import_error] if import_error else []
    secret_names = set[str]()
    # Django must start to read the connections file and the maintenance file, so the settings must be valid.
    if not config.faults:
        faults, secret_names = _connection_faults()
        config.faults += faults + _maintenance_faults()
    config.faults += _metrics_token_faults(config)
    config.warnings += _unknown_variables(set(config.variables) | secret_names)
    config.warnings += _variables_set_twice(config.variables)
    return config


def _is_set(name: str) -> bool:
    """Return whether the variable is set. If its file cannot be read, return True: the settings report this error."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return bool(env.raw(name))
    return True


def _connection_faults() -> tuple[list[str], set[str]]:
    """Return the errors of the connections file, and the names of the variables that contain its secrets."""
    import django

    django.setup()
    from ingestion.connections import ConfigurationError, configured_connections, missing_secrets

    if not env.raw("CHM_CONNECTIONS_FILE"):
        return [], set()
    try:
        connections = configured_connections()
    except ConfigurationError as error:
        return [f"CHM_CONNECTIONS_FILE: {line.strip()}" for line in str(error).splitlines() if line.strip()], set()
    secret_names = {connection.auth.secret_env for connection in connections.values() if connection.auth.secret_env}
    return [f"CHM_CONNECTIONS_FILE: {line}" for line in missing_secrets(connections.values())], secret_names


def _maintenance_faults() -> list[str]:
    """Return the errors of the maintenance file. If it has errors, CHM starts, but shows no planned maintenance."""
    from inventory.maintenance_file import maintenance_file

    return [f"CHM_MAINTENANCE_FILE: {fault}" for fault in maintenance_file().faults]


def _metrics_token_faults(config: ConfigReport) -> list[str]:
    path = as_text(config.variables["CHM_METRICS_TOKEN_FILE"].value) if config.variables else ""
    if not path:
        return []
    try:
        is_empty = not Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        return [f"CHM_METRICS_TOKEN_FILE names a file that cannot be read: {error.strerror}."]
    except UnicodeDecodeError:
        return ["CHM_METRICS_TOKEN_FILE names a file that is not text in UTF-8."]
    return ["CHM_METRICS_TOKEN_FILE names an empty file: no scraper can log in."] if is_empty else []


def _unknown_variables(known_names: set[str]) -> Iterator[str]:
    for name in sorted(os.environ):
        base_name = name.removesuffix("_FILE")
        if name.startswith("CHM_") and name not in known_names and base_name not in known_names:
            similar_names = difflib.get_close_matches(base_name, known_names, n=1)
            yield f"{name} is not read by these settings" + (f"; is it {similar_names[0]}?" if similar_names else ".")


def _variables_set_twice(variables: dict[str, Variable]) -> Iterator[str]:
    for name in sorted(variables):
        if os.environ.get(name) and os.environ.get(f"{name}_FILE"):
            yield f"{name} is set twice: the value in the file of {name}_FILE is used."
