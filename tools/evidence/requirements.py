"""Generate docs/project-management/requirements.md: the requirements and the tests that prove them.

A test has a mark, such as `pytest.mark.proves("FR-001")`, that names the requirements that it proves.
"""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "project-management" / "requirements.md"
_SOURCE = ROOT / "tools" / "evidence" / "requirements.toml"
_FOLDERS = ("inventory", "runs", "alerting", "ingestion", "chm_project", "tools")


@dataclass(frozen=True, slots=True)
class ProvingTest:
    """A test that proves a requirement."""

    file: str
    test: str


def requirements() -> dict[str, dict[str, Any]]:
    """Return the requirements by identifier. Each has `text` and `code`, a list of paths relative to the repository."""
    return tomllib.loads(_SOURCE.read_text(encoding="utf-8"))


def proofs(root: Path = ROOT) -> dict[str, list[ProvingTest]]:
    """Return the tests of each requirement, by the requirement's identifier, in the order of files and tests."""
    by_identifier: dict[str, list[ProvingTest]] = defaultdict(list)
    for folder in _FOLDERS:
        for path in sorted((root / folder).rglob("test_*.py")):
            # Parse the file and do not import it, because some tests import packages that may not be installed.
            for name, identifiers in _marked_tests(ast.parse(path.read_text(encoding="utf-8"))):
                for identifier in identifiers:
                    by_identifier[identifier].append(ProvingTest(path.relative_to(root).as_posix(), name))
    return dict(by_identifier)


def _marked_tests(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """Yield for each mark `proves` the name of its test and the identifiers in the mark."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.proves":
                    yield node.name, [ast.literal_eval(argument) for argument in mark.args]


def problems() -> Iterator[str]:
    """Yield a message for each requirement that no test proves, and for each wrong identifier or path."""
    requirements_by_id, proofs_by_id = requirements(), proofs()
    for identifier in sorted(requirements_by_id.keys() - proofs_by_id.keys()):
        yield f"no test proves {identifier}: mark one with pytest.mark.proves({identifier!r})"
    for identifier in sorted(proofs_by_id.keys() - requirements_by_id.keys()):
        yield f"{proofs_by_id[identifier][0].file} proves {identifier}, which is not in {_SOURCE.relative_to(ROOT)}"
    for identifier, requirement in requirements_by_id.items():
        for path in requirement["code"]:
            if not (ROOT / path).exists():
                yield f"{identifier}: its code {path} does not exist"


def page() -> str:
    rows = []
    proofs_by_id = proofs()
    for identifier, requirement in requirements().items():
        code = "<br>".join(f"[{path}](../../{path})" for path in requirement["code"])
        tests = "<br>".join(
            f"[{proof.file}](../../{proof.file}) `{proof.test}`" for proof in proofs_by_id.get(identifier, [])
        )
        rows.append(f"| {identifier} | {requirement['text']} | {code} | {tests} |")
    lines = "\n".join(rows)
    return f"""# Requirements and the tests that prove them

`make docs` generates this page from `tools/evidence/requirements.toml` and the marks of the tests
(`pytest.mark.proves`). `make test` fails if a requirement has no test that proves it, or if this page is out of date.

| id | requirement | code | tests |
|---|---|---|---|
{lines}
"""
