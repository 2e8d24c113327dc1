import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import modify_settings

from chm_project.db.reporting import builder, files

APP_NAME = "reporting_of_a_test"


class OtherApp:
    """An app that is installed only during a test. The test writes and removes SQL files in its folder `reporting`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "reporting"

    def write(self, subfolder: str, name: str, text: str) -> None:
        file = self._folder / subfolder / f"{name}.sql"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        _clear_caches()

    def write_view(self, name: str, query: str, *columns: str) -> None:
        header = ["-- A view of a test.", *(f"--   {column}  A column" for column in columns)]
        self.write("views", name, "\n".join([*header, query, ""]))

    def remove(self, subfolder: str, name: str) -> None:
        (self._folder / subfolder / f"{name}.sql").unlink()
        _clear_caches()


def _clear_caches() -> None:
    files.shapes.cache_clear()
    files.fragments.cache_clear()


@pytest.fixture
def other_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Iterator[OtherApp]:
    (tmp_path / APP_NAME).mkdir()
    (tmp_path / APP_NAME / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    try:
        with modify_settings(INSTALLED_APPS={"append": APP_NAME}):
            yield OtherApp(tmp_path / APP_NAME)
    finally:
        sys.modules.pop(APP_NAME, None)
        _clear_caches()
        builder.rebuild(connection)
