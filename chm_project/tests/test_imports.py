"""The upper layer may import apps, and apps may import the lower layer, but never the reverse.

Product code never imports tools.
"""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
# The other apps that each app can import.
APPS: dict[str, set[str]] = {
    "inventory": set(),
    "runs": {"inventory"},
    "alerting": {"inventory", "runs"},
    "ingestion": {"inventory", "runs"},
}
# The lower layer: packages of chm_project that every app can import.
LOWER_LAYER = (
    "chm_project.access",
    "chm_project.admin_kit",
    "chm_project.api",
    "chm_project.command_kit",
    "chm_project.db",
    "chm_project.scrubbing",
    "chm_project.settings",
    "chm_project.telemetry",
)
# Packages of chm_project that import no app: the lower layer, and the package that runs before Django starts.
BELOW_THE_APPS = (*LOWER_LAYER, "chm_project.local.embedded")
# Packages of the extra `sentry`. Without them, CHM refuses the setting CHM_SENTRY_DSN.
OPTIONAL_PACKAGES = {"sentry_sdk"}
PRODUCT = (*APPS, "chm_project", "docker")


def imported_modules(path: Path) -> Iterator[str]:
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def module_files(folder: str) -> list[Path]:
    return [path for path in sorted((ROOT / folder).rglob("*.py")) if "tests" not in path.parts]


def is_in(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("app", APPS)
def test_an_app_imports_only_the_apps_that_it_may_import(app: str) -> None:
    for path in module_files(app):
        for module in imported_modules(path):
            if is_in(module, *APPS):
                assert is_in(module, app, *APPS[app]), f"{path}: {module}"
            if is_in(module, "chm_project") and module != "chm_project":
                assert is_in(module, *LOWER_LAYER), f"{path}: {module}"


@pytest.mark.parametrize("package", BELOW_THE_APPS)
def test_the_lower_layer_imports_no_app(package: str) -> None:
    for path in module_files(package.replace(".", "/")):
        for module in imported_modules(path):
            assert not is_in(module, *APPS), f"{path}: {module}"


@pytest.mark.parametrize("package", LOWER_LAYER)
def test_the_lower_layer_imports_no_package_of_the_upper_layer(package: str) -> None:
    for path in module_files(package.replace(".", "/")):
        for module in imported_modules(path):
            if is_in(module, "chm_project") and module != "chm_project":
                assert is_in(module, *BELOW_THE_APPS), f"{path}: {module}"


@pytest.mark.parametrize("folder", PRODUCT)
def test_the_product_imports_neither_tools_nor_tests(folder: str) -> None:
    for path in module_files(folder):
        for module in imported_modules(path):
            assert not is_in(module, "tools"), f"{path}: {module}"
            assert "tests" not in module.split("."), f"{path}: {module}"


def test_tools_import_no_tests() -> None:
    for path in module_files("tools"):
        for module in imported_modules(path):
            assert "tests" not in module.split("."), f"{path}: {module}"


# Modules that production does not use: the generator of the boards, and the plugin of the test suite.
DEVELOPMENT_MODULES = ("chm_project.dashboards", "chm_project.local.pytest_plugin")


@pytest.mark.parametrize("package", [*APPS, "chm_project"])
def test_production_code_imports_only_packages_of_requirements_lock(package: str) -> None:
    locked_packages = set(
        re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )
    distributions = packages_distributions()
    for path in module_files(package):
        if is_in(".".join(path.relative_to(ROOT).with_suffix("").parts), *DEVELOPMENT_MODULES):
            continue
        for module in (
            {imported.partition(".")[0] for imported in imported_modules(path)}
            - set(sys.stdlib_module_names)
            - set(PRODUCT)
            - OPTIONAL_PACKAGES
        ):
            providers = {re.sub(r"[-_.]+", "-", name).lower() for name in distributions.get(module, [])}
            assert providers & locked_packages, f"{path}: {module}"


def test_the_token_model_refers_to_client_and_pipeline_without_importing_them() -> None:
    from chm_project.access.models import ApiToken

    source = (ROOT / "chm_project/access/models.py").read_text()

    assert '"inventory.Client"' in source
    assert '"inventory.Pipeline"' in source
    assert ApiToken._meta.get_field("client").related_model._meta.label == "inventory.Client"


def test_imported_modules_finds_every_form_of_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "runs" / "api").mkdir(parents=True)
    file = tmp_path / "runs" / "api" / "views.py"
    file.write_text("import a.b as c\nfrom d import e\nfrom . import f\nfrom ..g import h\ndef late():\n    import i\n")

    assert set(imported_modules(file)) == {"a.b", "d", "d.e", "runs.api", "runs.api.f", "runs.g", "runs.g.h", "i"}
