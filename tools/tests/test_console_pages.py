"""Test that browser tests open every page of the console, and that docs/validation/console.md names existing tests."""

import re
from pathlib import Path

from django.urls import get_resolver

from tools.e2e.console.test_screens import FORMS, PAGES

DOCUMENT = Path(__file__).parents[2] / "docs" / "validation" / "console.md"
# The names of the URLs that the browser tests do not open. The key is the reason.
NOT_OPENED_BY_REASON = {
    "no page: a file, a redirect or an answer to a script": {
        "admin:alerting_alertrule_export", "admin:alerting_alertrule_preview", "admin:autocomplete",
        "admin:inventory_client_export", "admin:inventory_pipeline_export", "admin:jsi18n", "admin:logout",
        "admin:runs_run_csv", "admin:search", "admin:view_on_site", "console:adopt", "console:client-csv",
        "console:ingest", "console:known",
    },
    "refused: the console does not add or delete these objects": {
        "admin:inventory_client_delete", "admin:inventory_pipeline_delete", "admin:runs_run_add",
        "admin:runs_run_delete", "admin:access_apitoken_delete",
    },
    "needs an object that the test installation does not have": {
        "admin:access_apitoken_change", "admin:access_apitoken_history", "admin:access_apitoken_revoke_this",
    },
    "the same template as a page that is opened": {
        "admin:inventory_client_enable_this", "admin:inventory_pipeline_enable_this", "admin:auth_user_history",
        "admin:auth_group_history", "admin:runs_run_history", "admin:auth_user_delete", "admin:auth_group_delete",
        "admin:auth_user_password_change", "admin:password_change_done", "admin:app_list", "admin:login",
    },
}  # fmt: skip


def test_the_browser_tests_open_every_page_of_the_console() -> None:
    opened_pages = {view for view, _ in PAGES.values()} | set(FORMS)
    not_opened_pages = set().union(*NOT_OPENED_BY_REASON.values())

    assert opened_pages | not_opened_pages == {
        f"{namespace}:{name}" for namespace in ("admin", "console") for name in _url_names(namespace)
    }
    assert not opened_pages & not_opened_pages


def _url_names(namespace: str) -> set[str]:
    names = get_resolver().namespace_dict[namespace][1].reverse_dict
    return {name for name in names if isinstance(name, str)}


def test_every_test_and_picture_that_the_document_names_exists() -> None:
    paths_and_texts = re.split(r"\]\((\.\./[^)]+)\)", DOCUMENT.read_text())

    missing_names = []
    for path, text in zip(paths_and_texts[1::2], paths_and_texts[2::2], strict=True):
        file = (DOCUMENT.parent / path).resolve()
        if not file.exists():
            missing_names.append(path)
        elif file.suffix == ".py":
            source = file.read_text()
            missing_names += [name for name in re.findall(r"`(test_\w+)`", text) if f"def {name}(" not in source]
    assert not missing_names
