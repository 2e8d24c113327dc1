"""What the console's pages send and contain: bytes of a first visit and of a refresh, landmarks, and CHM's texts."""

import gzip
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from chm_project.console.template_loader import FILTER_HEADING, REPLACEMENTS_BY_TEMPLATE
from chm_project.tests.pages import browser, html
from inventory.tests.factories import PipelineFactory
from runs.models import Run
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

LOADED_FILE = re.compile(r'(?:<script src|<link href)="/static/([^"?]+)"')


@pytest.fixture
def viewer_with_60_failures() -> Browser:
    """Create 60 failing pipelines, and return the browser of a viewer."""
    now = timezone.now()
    for number in range(60):
        pipeline = PipelineFactory.create(name=f"nightly {number}")
        RunFactory.create(
            pipeline=pipeline,
            status="failed",
            started_at=now - timedelta(hours=2, minutes=number),
            finished_at=now - timedelta(hours=1, minutes=number),
        )
    return browser("viewer")


def sizes_of_loaded_files(page: str) -> dict[str, int]:
    """Return the files that a page loads before it shows anything, with their compressed sizes."""
    sizes = {}
    for name in LOADED_FILE.findall(page):
        path: Any = finders.find(name)
        sizes[name] = len(gzip.compress(Path(path).read_bytes()))
    return sizes


def page_urls() -> list[str]:
    run = Run.objects.select_related("pipeline").latest("id")
    return [
        "/admin/",
        reverse("console:list", args=["failing"]),
        reverse("console:client", args=[run.pipeline.client_id]),
        reverse("console:pipeline", args=[run.pipeline_id]),
        reverse("admin:runs_run_change", args=[run.pk]),
    ]


def test_no_page_loads_a_chart_library(viewer_with_60_failures: Browser) -> None:
    for path in page_urls():
        files = sizes_of_loaded_files(html(viewer_with_60_failures.get(path)))
        assert "unfold/js/app.js" in files, "the pattern must find the files that a page loads"
        assert not [name for name in files if name.startswith("unfold/js/chart")]


def test_templates_of_unfold_contain_every_text_that_chm_replaces() -> None:
    import unfold

    templates = Path(unfold.__path__[0]) / "templates"
    for name, changes in REPLACEMENTS_BY_TEMPLATE.items():
        text = (templates / name).read_text(encoding="utf-8")
        for old, _ in changes:
            assert old in text, f"{name}: {old}"
    assert any(FILTER_HEADING in path.read_text(encoding="utf-8") for path in Path(unfold.__path__[0]).rglob("*.html"))


def test_pages_have_landmarks_and_labels_and_hide_icons_from_screen_readers(viewer_with_60_failures: Browser) -> None:
    for path in [*page_urls(), "/admin/runs/run/", "/admin/inventory/client/", "/admin/inventory/pipeline/"]:
        page = html(viewer_with_60_failures.get(path))
        assert '<a class="chm-skip" href="#content">Skip to the content</a>' in page, path
        assert len(re.findall(r'id="content" role="main"', page)) == 1, path
        assert 'aria-current="page"' in page or path not in ("/admin/", "/admin/runs/run/")
        icons = re.findall(r"<span[^>]*material-symbols-outlined[^>]*>", page)
        assert icons
        # Icons in form fields come from another template engine; the console's script hides them.
        assert not [icon for icon in icons if not re.search('aria-hidden="true"|pointer-events-none', icon)], path
        headings = re.findall(r"<th\b[^>]*>", page)
        assert all("scope=" in heading for heading in headings if "data-label" not in heading), path


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/admin/runs/run/", "Runs"),
        ("/admin/inventory/client/", "Clients"),
        ("/admin/inventory/pipeline/", "Pipelines"),
        ("/admin/alerting/alertrule/", "Alert rules"),
        ("/admin/access/apitoken/", "API tokens"),
        ("/admin/auth/user/", "People"),
    ],
)
def test_the_title_of_a_list_is_its_name_in_the_menu(path: str, title: str) -> None:
    page = html(browser("administrator").get(path))
    assert re.findall(r"<title>\s*(.*?)\s*</title>", page, re.DOTALL) == [f"{title} | CHM"]


def test_pages_name_the_zone_of_their_times(viewer_with_60_failures: Browser) -> None:
    """Without the console's script, times are in UTC. The script writes the browser's zone."""
    for path in page_urls():
        assert "Times in <span data-zone-name>UTC</span>" in html(viewer_with_60_failures.get(path)), path


def test_login_and_logout_say_what_happened_and_have_no_link_to_another_site() -> None:
    visitor = Browser()
    refused = html(visitor.post("/admin/login/", {"username": "nobody", "password": "wrong"}))
    assert "The user name or the password is not correct." in refused
    assert "Please correct the error" not in refused

    user = browser("viewer")
    board = html(user.get("/admin/"))
    logged_out = html(user.post("/admin/logout/"))
    assert "You are logged out" in logged_out
    assert "quality time" not in logged_out
    for page in (refused, board, logged_out):
        assert "Return to site" not in page
        assert "View site" not in page


def test_a_first_visit_loads_less_than_200_kb_without_fonts(viewer_with_60_failures: Browser) -> None:
    """200 kB take one second at 1.6 Mbit/s."""
    for path in page_urls():
        response = viewer_with_60_failures.get(path, headers={"accept-encoding": "gzip"})
        page = gzip.decompress(response.content)
        assert len(response.content) < 40_000
        assert len(response.content) + sum(sizes_of_loaded_files(page.decode()).values()) < 200_000, path


def test_a_refresh_sends_the_changed_part_or_only_the_line_with_the_time(viewer_with_60_failures: Browser) -> None:
    # The digest in CHM-Refresh leaves out times that are whole hours before the page's time. The fixture creates a run
    # that began exactly two hours ago. In the same second, its start would be left out, but one second later it is in
    # the digest. So wait until this second is over.
    time.sleep(1.1)
    full_page = viewer_with_60_failures.get("/admin/")
    first = viewer_with_60_failures.get("/admin/", headers={"chm-refresh": "nothing"})
    assert first.content.startswith(b'<div id="chm-board"')
    assert len(first.content) < len(full_page.content)

    time.sleep(1.1)  # only the time changes
    same = viewer_with_60_failures.get("/admin/", headers={"chm-refresh": first["CHM-Refresh"]})
    assert same["CHM-Refresh"] == first["CHM-Refresh"]
    assert same.content.startswith(b'<p class="chm-subtle chm-as-of">')
    assert len(same.content) < 500
    assert int(same["Content-Length"]) == len(same.content)

    RunFactory.create(status="failed", pipeline__name="new on the board", started_at=timezone.now())
    changed = viewer_with_60_failures.get("/admin/", headers={"chm-refresh": first["CHM-Refresh"]})
    assert changed["CHM-Refresh"] != first["CHM-Refresh"]
    assert "new on the board" in html(changed)


def test_a_refresh_without_a_session_is_redirected_to_the_login() -> None:
    response = Browser().get("/admin/", headers={"chm-refresh": "nothing"})
    assert response.status_code == 302
