"""Read values of given types from a TOML document."""

from collections.abc import Mapping
from typing import Any


class ConfigReader:
    """Read values from the tables of a TOML document, and collect a message for each mistake in `mistakes`.

    If a value is wrong, the method returns the default or an empty value. `table_name`, such as "connections.airflow",
    is the name of the table in the messages.
    """

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def table(
        self, table: Mapping[str, Any], key: str, table_name: str = "", *, required: bool = False
    ) -> dict[str, Any]:
        value = table.get(key, {} if not required else None)
        if isinstance(value, dict):
            return value
        name = f"{table_name}.{key}" if table_name else key
        self.mistakes.append(f"{name}: must be a table" if value is not None else f"{name}: is missing")
        return {}

    def text(self, table: Mapping[str, Any], table_name: str, key: str, *, required: bool = False) -> str:
        value = table.get(key)
        if value is None:
            if required:
                self.mistakes.append(f"{table_name}.{key}: is missing")
            return ""
        if not isinstance(value, str) or not value.strip():
            self.mistakes.append(f"{table_name}.{key}: must be a text that is not empty")
            return ""
        return self._storable(value, f"{table_name}.{key}")

    def texts(self, table: Mapping[str, Any], table_name: str, key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.mistakes.append(f"{table_name}.{key}: must be a list of texts")
            return ()
        if key in table and not value:
            self.mistakes.append(f"{table_name}.{key}: is empty; remove it, or list at least one text")
        return tuple(self._storable(item, f"{table_name}.{key}") for item in value)

    def _storable(self, text: str, name: str) -> str:
        """Return the text. A text that PostgreSQL cannot store or compare is a mistake."""
        if "\0" in text:
            self.mistakes.append(f"{name}: contains the character NUL")
        return text

    def choice(
        self,
        table: Mapping[str, Any],
        table_name: str,
        key: str,
        choices: tuple[str, ...],
        *,
        default: str = "",
        required: bool = False,
    ) -> str:
        value = table.get(key)
        if value is None and not required:
            return default
        if value not in choices:
            self.mistakes.append(f"{table_name}.{key}: must be one of {', '.join(choices)}")
            return default
        return str(value)

    def number(
        self, table: Mapping[str, Any], table_name: str, key: str, default: float, minimum: float, maximum: float
    ) -> float:
        value = table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value <= maximum:
            self.mistakes.append(f"{table_name}.{key}: must be a number from {minimum:g} to {maximum:g}")
            return default
        return value

    def boolean(self, table: Mapping[str, Any], table_name: str, key: str, *, default: bool) -> bool:
        value = table.get(key, default)
        if not isinstance(value, bool):
            self.mistakes.append(f"{table_name}.{key}: must be true or false")
            return default
        return value

    def refuse_unknown_keys(self, table: Mapping[str, Any], table_name: str, known_keys: set[str]) -> None:
        self.mistakes.extend(
            f"{table_name + '.' if table_name else ''}{key}: is not a setting (known: {', '.join(sorted(known_keys))})"
            for key in table
            if key not in known_keys
        )
