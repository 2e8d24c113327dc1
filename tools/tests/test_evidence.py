"""Every requirement is proved by a test, and the pages that say so are what would be written."""

from pathlib import Path

import pytest

from tools.evidence import documents, links, requirements, settings_page


def test_every_requirement_is_proved_and_its_page_is_not_stale() -> None:
    assert list(requirements.problems()) == []
    assert requirements.PAGE.read_text() == requirements.page()


def test_all_identifiers_are_there() -> None:
    most = {"FR": 20, "DI": 8, "AC": 5, "OB": 6, "SE": 4, "SC": 5}
    expected = {f"{kind}-{number:03}" for kind in most for number in range(1, most[kind] + 1)}
    assert requirements.requirements().keys() == expected


def test_a_mark_is_found_and_a_missing_proof_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "test_some.py").write_text(
        '@pytest.mark.proves("FR-001", "XX-999")\n@pytest.mark.django_db\ndef test_it() -> None: ...\n'
    )
    found = requirements.proofs(tmp_path)
    assert found["FR-001"] == [requirements.Proof("runs/test_some.py", "test_it")]
    monkeypatch.setattr(requirements, "proofs", lambda: found)

    reported = list(requirements.problems())

    assert "FR-002 is proved by no test: mark one with pytest.mark.proves('FR-002')" in reported
    assert any("XX-999" in problem for problem in reported)


def test_the_reference_of_settings_is_not_stale() -> None:
    assert settings_page.PAGE.read_text() == settings_page.page()


def test_documents_link_to_what_exists() -> None:
    assert list(links.problems()) == []


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "a.md"
    text = "# Title\n[good](#title) [bad](b.md) [worse](#no-such) ![picture](c.png)\n```\n[code](d.md)\n```\n"
    document.write_text(text)
    monkeypatch.setattr(links, "documents", lambda root: [document])

    assert list(links.problems(tmp_path)) == [
        "a.md: b.md leads nowhere",
        "a.md: #no-such: there is no such heading",
        "a.md: c.png leads nowhere",
    ]


@pytest.mark.parametrize("document", documents.DOCUMENTS)
def test_every_block_of_commands_says_whether_it_is_run(document: str) -> None:
    assert [block.kind for block in documents.blocks(document)]
