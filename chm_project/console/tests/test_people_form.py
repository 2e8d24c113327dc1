"""One form creates a user; the role that is chosen there lets the user log in."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client as Browser

from chm_project.tests.pages import browser, html

pytestmark = pytest.mark.django_db

USER_LIST_URL = "/admin/auth/user/"
PASSWORD = "a-long-pass-phrase"


def user_form(**values: object) -> dict[str, object]:
    return {
        "username": "ada", "first_name": "Ada", "last_name": "Byron", "email": "ada@example.com",
        "password1": PASSWORD, "password2": PASSWORD,
    } | values  # fmt: skip


def test_one_form_creates_a_user_who_can_log_in_at_once() -> None:
    administrator = browser("administrator")
    page = html(administrator.get(f"{USER_LIST_URL}add/"))
    for label in ("First name", "Email address", "Roles"):
        assert label in page
    assert "staff" not in page.lower()
    assert "edit more user options" not in page
    analyst = Group.objects.get(name="analyst")

    saved = administrator.post(f"{USER_LIST_URL}add/", user_form(groups=[analyst.pk]))

    assert saved["Location"] == USER_LIST_URL
    ada = User.objects.get(username="ada")
    assert (ada.email, ada.get_full_name(), ada.is_staff) == ("ada@example.com", "Ada Byron", True)
    assert list(ada.groups.all()) == [analyst]
    login = Browser().post("/admin/login/", {"username": "ada", "password": PASSWORD})
    assert login.status_code == 302


def test_a_person_needs_a_role() -> None:
    page = html(browser("administrator").post(f"{USER_LIST_URL}add/", user_form()))
    assert "Choose at least one role" in page
    assert not User.objects.filter(username="ada").exists()


def test_a_user_without_a_role_can_no_longer_log_in() -> None:
    administrator = browser("administrator")
    viewer = Group.objects.get(name="viewer")
    team = Group.objects.create(name="team without permissions")
    administrator.post(f"{USER_LIST_URL}add/", user_form(groups=[viewer.pk]))
    ada = User.objects.get(username="ada")
    change_url = f"{USER_LIST_URL}{ada.pk}/change/"
    assert "Staff status" not in html(administrator.get(change_url))
    form = {"username": "ada", "email": "new@example.com", "is_active": "on", "binding-TOTAL_FORMS": "0",
             "binding-INITIAL_FORMS": "0"}  # fmt: skip

    for groups, is_staff in (([viewer.pk, team.pk], True), ([team.pk], False), ([viewer.pk], True)):
        assert administrator.post(change_url, form | {"groups": groups}).status_code == 302
        ada.refresh_from_db()
        assert (ada.is_staff, ada.email) == (is_staff, "new@example.com")
