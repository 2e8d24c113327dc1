"""Test that docs/errors.md explains every error code, and that docs/api-comparison.md names existing tests."""

import re

from chm_project.api.error_codes import CODES
from tools.contract.generate import ROOT, contract

COMPARISON_PAGE = ROOT / "docs" / "api-comparison.md"


def test_every_error_code_of_the_contract_has_a_cause_and_a_remedy() -> None:
    published = contract()["components"]["schemas"]["ErrorCodeName"]["enum"]
    page = (ROOT / "docs" / "errors.md").read_text()

    assert [entry.code for entry in CODES] == published
    for entry in CODES:
        assert f"## {entry.code}\n\nStatus {entry.status}." in page
        assert entry.cause in page
        assert entry.remedy in page


def test_every_line_of_the_comparison_names_a_test_that_exists() -> None:
    table_rows = [
        table_row
        for table_row in COMPARISON_PAGE.read_text().splitlines()
        if table_row.startswith("| ") and "---" not in table_row
    ][1:]
    existing_tests = {
        name
        for path in ROOT.rglob("tests/test_*.py")
        if ".venv" not in path.parts
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }

    assert len(table_rows) > 20
    for table_row in table_rows:
        named_tests = re.findall(r"`(test_\w+|make contract)`", table_row)
        assert named_tests, table_row
        assert set(named_tests) <= existing_tests | {"make contract"}, table_row
