"""Imports run one way: inventory <- runs <- alerting, ingestion -> runs and inventory, chm_project at the edges."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
# What each app may import of the others; all may import the two shared parts of chm_project.
APPS: dict[str, set[str]] = {
    "inventory": set(),
    "runs": {"inventory"},
    "alerting": {"inventory", "runs"},
    "ingestion": {"inventory", "runs"},
}
SHARED = ("chm_project.api", "chm_project.access")
# Places of chm_project that have no domain, so that the apps can stand on them.
BELOW_THE_APPS = ("chm_project/api", "chm_project/access", "chm_project/settings", "chm_project/embedded")


def imports(path: Path) -> Iterator[str]:
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def modules(folder: str) -> list[Path]:
    return [path for path in sorted((ROOT / folder).rglob("*.py")) if "tests" not in path.parts]


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("app", APPS)
def test_an_app_imports_only_what_lies_below_it(app: str) -> None:
    for path in modules(app):
        for module in imports(path):
            if within(module, *APPS):
                assert within(module, app, *APPS[app]), f"{path}: {module}"
            if within(module, "chm_project") and module != "chm_project":
                assert within(module, *SHARED), f"{path}: {module}"


@pytest.mark.parametrize("folder", BELOW_THE_APPS)
def test_the_shared_parts_know_no_app(folder: str) -> None:
    for path in modules(folder):
        for module in imports(path):
            assert not within(module, *APPS), f"{path}: {module}"


def test_tokens_name_client_and_pipeline_by_string() -> None:
    from chm_project.access.models import ApiToken

    source = (ROOT / "chm_project/access/models.py").read_text()

    assert '"inventory.Client"' in source
    assert '"inventory.Pipeline"' in source
    assert ApiToken._meta.get_field("client").related_model._meta.label == "inventory.Client"


def test_the_guard_sees_every_form_of_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "runs" / "api").mkdir(parents=True)
    file = tmp_path / "runs" / "api" / "views.py"
    file.write_text("import a.b as c\nfrom d import e\nfrom . import f\nfrom ..g import h\ndef late():\n    import i\n")

    assert set(imports(file)) == {"a.b", "d", "d.e", "runs.api", "runs.api.f", "runs.g", "runs.g.h", "i"}
