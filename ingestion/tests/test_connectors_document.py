"""docs/connectors.md: its examples can be read, and the connector that it shows is a copy of the code."""

import re
from pathlib import Path

import pytest
from pytest_django import Settings

from ingestion.connections import configured_connections
from ingestion.connectors import CONNECTORS
from ingestion.connectors.source_description import PRESETS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "connectors.md").read_text()


def code_blocks(language: str) -> list[str]:
    """Return the code blocks of the document in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


def test_every_example_can_be_read_and_every_connector_has_one(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\n".join(code_blocks("toml"))
    for name in re.findall(r'secret_env = "([A-Z_]+)"', text):
        monkeypatch.setenv(name, "secret")
    path = tmp_path / "connections.toml"
    path.write_text(text)
    settings.CHM_CONNECTIONS_FILE = str(path)

    connections = configured_connections().values()

    assert {connection.connector for connection in connections} == {*CONNECTORS, *PRESETS, "declarative"}
    for connection in connections:
        connection.create_auth()


def test_the_example_connector_is_the_code_and_is_short() -> None:
    [example] = code_blocks("python")
    assert example == (ROOT / "ingestion" / "connectors" / "generic.py").read_text()
    assert len(example.splitlines()) < 75


def test_the_table_of_systems_names_each_connector() -> None:
    table = DOCUMENT.partition("## The ten systems")[2].partition("###")[0]
    assert set(re.findall(r"^\| `(\w+)` \| ", table, re.MULTILINE)) == {*CONNECTORS, *PRESETS}
