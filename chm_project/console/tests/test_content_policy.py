"""Every response has a Content-Security-Policy, and pages outside the admin contain no inline scripts or handlers."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from chm_project.content_policy import ADMIN_POLICY, STRICT_POLICY
from chm_project.tests.api import ROOT, api_as_role, api_with_scope
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

INLINE_HANDLER = re.compile(r"<[^>]+\son[a-z]+\s*=|javascript:", re.IGNORECASE)
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", re.IGNORECASE)


def policy(response: Any) -> str:
    return str(response["Content-Security-Policy"])


@pytest.mark.parametrize("path", ["/health", f"{ROOT}/clients", f"{ROOT}/docs", f"{ROOT}/nothing", "/nothing"])
def test_outside_the_admin_the_policy_allows_only_scripts_of_this_site(path: str) -> None:
    sources = policy(api_with_scope("read").get(path))

    assert sources == STRICT_POLICY
    assert "script-src 'self'" in sources.split("; ")
    assert "default-src 'none'" in sources.split("; ")


def test_the_admins_content_policy_allows_no_other_host() -> None:
    User.objects.create_superuser("root", password="secret")
    browser = Browser()
    assert policy(browser.get("/admin/login/")) == ADMIN_POLICY
    browser.login(username="root", password="secret")

    page = browser.get("/admin/")

    assert (page.status_code, policy(page)) == (200, ADMIN_POLICY)
    assert "http" not in ADMIN_POLICY
    assert not re.findall(r"""<(?:script|link|img)[^>]+(?:src|href)=["'](?:https?:)?//""", page.content.decode())


@pytest.mark.parametrize("path", ["clients", "runs", "pipelines/{pipeline}/runs", "docs"])
def test_no_page_outside_the_admin_contains_an_inline_script(path: str) -> None:
    run = RunFactory.create(error_message="<script>alert(1)</script>")

    page = api_as_role("administrator").get(
        f"{ROOT}/{path.format(pipeline=run.pipeline_id)}", headers={"accept": "text/html"}
    )

    assert page["Content-Type"].startswith("text/html")
    assert not INLINE_SCRIPT.findall(page.content.decode())
    assert not INLINE_HANDLER.findall(page.content.decode())
