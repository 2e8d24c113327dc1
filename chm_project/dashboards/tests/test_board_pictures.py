"""render_dashboards draws the pictures in the documents if the database has runs."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from chm_project.dashboards import pictures
from chm_project.dashboards.management.commands.render_dashboards import BOARDS_FOLDER, PICTURES_FOLDER
from chm_project.tests.controlled_seed import AS_OF, create_seed

pytestmark = pytest.mark.django_db


def test_every_board_has_a_picture() -> None:
    assert {path.stem for path in PICTURES_FOLDER.glob("*.png")} == set(pictures.read_boards(BOARDS_FOLDER))


def test_every_board_can_be_drawn(tmp_path: Path) -> None:
    create_seed()
    for name, board in pictures.read_boards(BOARDS_FOLDER).items():
        pictures.draw_board(board, AS_OF, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_no_picture_is_drawn_if_the_database_has_no_runs(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="load_synthetic"):
        call_command("render_dashboards", "--folder", str(tmp_path))
    assert list(tmp_path.iterdir()) == []
