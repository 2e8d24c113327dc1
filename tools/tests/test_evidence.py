"""Every requirement is proved by a test, and the generated pages are current."""

from pathlib import Path

import pytest

from tools.evidence import documents, links, requirements, settings_page


def test_every_requirement_is_proved_and_its_page_is_not_stale() -> None:
    assert list(requirements.problems()) == []
    assert requirements.PAGE.read_text() == requirements.page()


def test_the_requirements_have_all_identifiers() -> None:
    numbers = {"FR": 20, "DI": 8, "AC": 5, "OB": 6, "SE": 4, "SC": 5}
    expected = {f"{kind}-{number:03}" for kind in numbers for number in range(1, numbers[kind] + 1)}
    assert requirements.requirements().keys() == expected


def test_marks_are_found_and_missing_proofs_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "test_some.py").write_text(
        '@pytest.mark.proves("FR-001", "XX-999")\n@pytest.mark.django_db\ndef test_it() -> None: ...\n'
    )
    marked = requirements.proofs(tmp_path)
    assert marked["FR-001"] == [requirements.Proof("runs/test_some.py", "test_it")]
    monkeypatch.setattr(requirements, "proofs", lambda: marked)

    reported = list(requirements.problems())

    assert "FR-002 is proved by no test: mark one with pytest.mark.proves('FR-002')" in reported
    assert any("XX-999" in problem for problem in reported)


def test_the_settings_page_is_not_stale() -> None:
    assert settings_page.PAGE.read_text() == settings_page.page()


def test_links_of_documents_exist() -> None:
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
def test_every_block_of_commands_declares_its_kind(document: str) -> None:
    assert [block.kind for block in documents.blocks(document)]
