"""Users with the role administrator manage other users, but cannot give themselves more rights."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

pytestmark = pytest.mark.django_db


def test_an_administrator_cannot_change_a_superusers_password_or_become_a_superuser() -> None:
    superuser = User.objects.create_superuser("owner", password="first")
    administrator = User.objects.create_user("role-administrator", is_staff=True)
    administrator.groups.add(Group.objects.get(name="administrator"))
    browser = Client()
    browser.force_login(administrator)

    assert "superuser</td>" in browser.get("/admin/auth/user/").content.decode()
    password_url = f"/admin/auth/user/{superuser.pk}/password/"
    assert browser.get(password_url).status_code == 403
    assert browser.post(password_url, {"password1": "taken-over-1", "password2": "taken-over-1"}).status_code == 403
    browser.post(
        f"/admin/auth/user/{administrator.pk}/change/",
        {"username": administrator.username, "is_active": "on", "is_staff": "on", "is_superuser": "on"},
    )
    superuser.refresh_from_db()
    administrator.refresh_from_db()
    assert superuser.check_password("first")
    assert not administrator.is_superuser
