"""How many of the labelled secrets are removed, and how many harmless texts are left alone."""

from runs.tests.labelled_texts import labelled_texts, part_of


def test_there_are_enough_items_and_nobody_chose_their_part() -> None:
    items = labelled_texts()

    assert [item.written for item in items if item.part != part_of(item.written)] == []
    for kind in ("secret", "harmless"):
        assert len([item for item in items if item.kind == kind]) >= 200
        assert len([item for item in items if item.kind == kind and item.part == "held_out"]) >= 150


def test_every_secret_is_marked_and_no_harmless_text_has_one() -> None:
    for item in labelled_texts():
        assert bool(item.secrets) == (item.kind == "secret"), item.written
