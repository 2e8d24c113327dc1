"""The role administrator manages users, but its users cannot give themselves more rights."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

pytestmark = pytest.mark.django_db


def test_an_administrator_cannot_change_a_superusers_password_or_become_a_superuser() -> None:
    owner = User.objects.create_superuser("owner", password="first")
    person = User.objects.create_user("role-administrator", is_staff=True)
    person.groups.add(Group.objects.get(name="administrator"))
    browser = Client()
    browser.force_login(person)

    form = f"/admin/auth/user/{owner.pk}/password/"
    assert browser.get(form).status_code == 403
    assert browser.post(form, {"password1": "taken-over-1", "password2": "taken-over-1"}).status_code == 403
    browser.post(
        f"/admin/auth/user/{person.pk}/change/",
        {"username": person.username, "is_active": "on", "is_staff": "on", "is_superuser": "on"},
    )
    owner.refresh_from_db()
    person.refresh_from_db()
    assert owner.check_password("first")
    assert not person.is_superuser
