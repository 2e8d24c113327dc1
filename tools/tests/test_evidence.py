"""Check that each requirement has a test that proves it, that the page is up to date, and that links exist."""

from pathlib import Path

import pytest

from tools.evidence import documents, links, requirements, settings_page


def test_every_requirement_is_proved_by_a_test_and_the_page_is_up_to_date() -> None:
    assert list(requirements.problems()) == []
    assert requirements.PAGE.read_text() == requirements.page()


def test_every_group_of_requirements_is_numbered_without_gaps() -> None:
    counts = {"FR": 20, "DI": 8, "AC": 5, "OB": 6, "SE": 4, "SC": 5}
    expected = {f"{group}-{number:03}" for group in counts for number in range(1, counts[group] + 1)}
    assert requirements.requirements().keys() == expected


def test_marks_are_read_and_unproved_requirements_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "test_some.py").write_text(
        '@pytest.mark.proves("FR-001", "XX-999")\n@pytest.mark.django_db\ndef test_it() -> None: ...\n'
    )
    proofs_by_id = requirements.proofs(tmp_path)
    assert proofs_by_id["FR-001"] == [requirements.ProvingTest("runs/test_some.py", "test_it")]
    monkeypatch.setattr(requirements, "proofs", lambda: proofs_by_id)

    messages = list(requirements.problems())

    assert "no test proves FR-002: mark one with pytest.mark.proves('FR-002')" in messages
    assert any("XX-999" in message for message in messages)


def test_the_settings_page_is_up_to_date() -> None:
    assert settings_page.PAGE.read_text() == settings_page.page()


def test_every_link_in_a_document_has_a_target() -> None:
    assert list(links.problems()) == []


def test_a_broken_link_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "a.md"
    text = "# Title\n[good](#title) [bad](b.md) [worse](#no-such) ![picture](c.png)\n```\n[code](d.md)\n```\n"
    document.write_text(text)
    monkeypatch.setattr(links, "documents", lambda root: [document])

    assert list(links.problems(tmp_path)) == [
        "a.md: b.md does not exist",
        "a.md: #no-such: there is no such heading",
        "a.md: c.png does not exist",
    ]


@pytest.mark.parametrize("document", documents.DOCUMENTS)
def test_every_shell_block_declares_whether_it_is_run(document: str) -> None:
    assert [block.kind for block in documents.blocks(document)]
