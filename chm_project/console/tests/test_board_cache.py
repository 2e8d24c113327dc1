"""A board that is slow to compute is reused and shows its age, but not for a user who has just changed something."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from chm_project.console.own_changes import COOKIE
from chm_project.console.pages import board_cache
from chm_project.tests.api import create_bound_user
from chm_project.tests.pages import browser, html
from inventory.models import Client
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def cache_every_board(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.CHM_BOARD_REUSE_SECONDS = 60
    monkeypatch.setattr(board_cache, "FAST_SECONDS", 0)
    cache.clear()
    yield
    cache.clear()


def create_failure(name: str, client: Client) -> Any:
    pipeline = PipelineFactory.create(client=client, name=name)
    return RunFactory.create(pipeline=pipeline, status="failed", finished_at=timezone.now() - timedelta(hours=1))


def test_a_board_is_reused_with_its_age_until_it_is_a_minute_old(monkeypatch: pytest.MonkeyPatch) -> None:
    acme, viewer = ClientFactory.create(), browser("viewer")
    create_failure("first_load", acme)
    opened_at = timezone.now()
    assert "data-age" not in html(viewer.get("/admin/"))

    create_failure("second_load", acme)
    monkeypatch.setattr(timezone, "now", lambda: opened_at + timedelta(seconds=40))
    reused = html(viewer.get("/admin/"))
    monkeypatch.setattr(timezone, "now", lambda: opened_at + timedelta(seconds=70))
    fresh = html(viewer.get("/admin/"))

    assert "first_load" in reused
    assert "second_load" not in reused
    assert "s ago; this board is reused for up to 60 s" in reused
    assert "second_load" in fresh
    assert "data-age" not in fresh


def test_a_user_who_has_changed_something_gets_a_new_board() -> None:
    acme = ClientFactory.create()
    failed, editor, viewer = create_failure("nightly_load", acme), browser("analyst"), browser("viewer")
    editor.get("/admin/")

    mark_url = reverse("console:known", args=[failed.pipeline_id])
    assert editor.post(mark_url, {"reason": "the source is down"}).status_code == 302

    assert "the source is down" in html(editor.get("/admin/"))
    assert "the source is down" in html(viewer.get("/admin/"))


@pytest.mark.parametrize("setting", ["CHM_BOARD_REUSE_SECONDS", "CHM_REPLICA_MAX_LAG_SECONDS"])
def test_a_browser_keeps_the_time_of_a_change_while_a_stored_board_or_the_replica_may_lack_the_change(
    settings: Any, setting: str
) -> None:
    setattr(settings, setting, 900)
    failed, editor = create_failure("nightly_load", ClientFactory.create()), browser("analyst")

    editor.post(reverse("console:known", args=[failed.pipeline_id]), {"reason": "the source is down"})

    assert editor.cookies[COOKIE]["max-age"] == 900


@pytest.mark.parametrize("query", ["?platform=dbt", "?environment=dev", "?client={acme}"])
def test_boards_with_different_filters_are_cached_separately(query: str) -> None:
    acme, other_client = ClientFactory.create(), ClientFactory.create()
    viewer: Browser = browser("viewer")
    create_failure("orders_of_another", other_client)
    viewer.get("/admin/")

    assert "orders_of_another" not in html(viewer.get("/admin/" + query.format(acme=acme.pk)))


def test_a_bound_user_never_gets_the_cached_board_of_another_user() -> None:
    acme, other_client = ClientFactory.create(), ClientFactory.create()
    create_failure("orders_of_acme", acme)
    create_failure("orders_of_another", other_client)
    browser("viewer").get("/admin/")

    bound = Browser()
    bound.force_login(create_bound_user("person", acme.pk))

    assert "orders_of_acme" in (board := html(bound.get("/admin/")))
    assert "orders_of_another" not in board
