"""Imports run one way: apps import the ground floor, other packages import apps, and no product code imports tools."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
# The other apps that each app may import.
APPS: dict[str, set[str]] = {
    "inventory": set(),
    "runs": {"inventory"},
    "alerting": {"inventory", "runs"},
    "ingestion": {"inventory", "runs"},
}
# The ground floor: packages of chm_project without a domain, which every app may import.
GROUND = (
    "chm_project.access",
    "chm_project.admin_kit",
    "chm_project.api",
    "chm_project.command_kit",
    "chm_project.db",
    "chm_project.scrubbing",
    "chm_project.settings",
    "chm_project.telemetry",
)
# Packages of chm_project that import no app: the ground floor, and the package that runs before Django starts.
BELOW_THE_APPS = (*GROUND, "chm_project.local.embedded")
# From the extra `sentry`. The setting that needs it is refused without it.
OPTIONAL = {"sentry_sdk"}
PRODUCT = (*APPS, "chm_project", "docker")


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
def test_an_app_imports_only_apps_below_it(app: str) -> None:
    for path in modules(app):
        for module in imports(path):
            if within(module, *APPS):
                assert within(module, app, *APPS[app]), f"{path}: {module}"
            if within(module, "chm_project") and module != "chm_project":
                assert within(module, *GROUND), f"{path}: {module}"


@pytest.mark.parametrize("package", BELOW_THE_APPS)
def test_the_ground_floor_imports_no_app(package: str) -> None:
    for path in modules(package.replace(".", "/")):
        for module in imports(path):
            assert not within(module, *APPS), f"{path}: {module}"


@pytest.mark.parametrize("package", GROUND)
def test_the_ground_floor_imports_no_package_above_the_apps(package: str) -> None:
    for path in modules(package.replace(".", "/")):
        for module in imports(path):
            if within(module, "chm_project") and module != "chm_project":
                assert within(module, *BELOW_THE_APPS), f"{path}: {module}"


@pytest.mark.parametrize("folder", PRODUCT)
def test_the_product_imports_neither_tools_nor_tests(folder: str) -> None:
    for path in modules(folder):
        for module in imports(path):
            assert not within(module, "tools"), f"{path}: {module}"
            assert "tests" not in module.split("."), f"{path}: {module}"


def test_tools_import_no_tests() -> None:
    for path in modules("tools"):
        for module in imports(path):
            assert "tests" not in module.split("."), f"{path}: {module}"


# Modules that production does not use: the generator of the boards, and the plugin of the test suite.
DEVELOPMENT = ("chm_project.dashboards", "chm_project.local.pytest_plugin")


@pytest.mark.parametrize("package", [*APPS, "chm_project"])
def test_production_imports_only_what_its_lock_installs(package: str) -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    distributions = packages_distributions()
    for path in modules(package):
        if within(".".join(path.relative_to(ROOT).with_suffix("").parts), *DEVELOPMENT):
            continue
        for module in (
            {imported.partition(".")[0] for imported in imports(path)}
            - set(sys.stdlib_module_names)
            - set(PRODUCT)
            - OPTIONAL
        ):
            providers = {re.sub(r"[-_.]+", "-", name).lower() for name in distributions.get(module, [])}
            assert providers & locked, f"{path}: {module}"


def test_tokens_reference_client_and_pipeline_by_name() -> None:
    from chm_project.access.models import ApiToken

    source = (ROOT / "chm_project/access/models.py").read_text()

    assert '"inventory.Client"' in source
    assert '"inventory.Pipeline"' in source
    assert ApiToken._meta.get_field("client").related_model._meta.label == "inventory.Client"


def test_every_form_of_import_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "runs" / "api").mkdir(parents=True)
    file = tmp_path / "runs" / "api" / "views.py"
    file.write_text("import a.b as c\nfrom d import e\nfrom . import f\nfrom ..g import h\ndef late():\n    import i\n")

    assert set(imports(file)) == {"a.b", "d", "d.e", "runs.api", "runs.api.f", "runs.g", "runs.g.h", "i"}
