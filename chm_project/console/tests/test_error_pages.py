"""Error pages show what happened and what to do, and keep the input of a form."""

import re

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client as Browser
from django.test import override_settings
from django.urls import path

from chm_project import urls
from inventory.models import Client

pytestmark = pytest.mark.django_db
ADD_CLIENT_URL = "/admin/inventory/client/add/"
ENTERED_VALUES = {
    "name": "Baltic Foods",
    "is_active": "on",
    "pipelines-TOTAL_FORMS": "0",
    "pipelines-INITIAL_FORMS": "0",
}


def failing_view(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret details")


urlpatterns = [*urls.urlpatterns[:1], path("broken", failing_view), *urls.urlpatterns[1:]]
handler404, handler500 = urls.handler404, urls.handler500


@pytest.mark.parametrize("url", ["/", "/admin"])
def test_short_urls_redirect_to_the_console(client: Browser, url: str) -> None:
    response = client.get(url)

    assert (response.status_code, response["Location"]) == (302, "/admin/")


def test_the_error_page_of_an_unknown_url_links_to_the_board(client: Browser) -> None:
    response = client.get("/nowhere")

    assert response.status_code == 404
    assert "There is nothing at this address" in response.content.decode()
    assert 'href="/admin/"' in response.content.decode()
    # Without an icon, the browser would request /favicon.ico, which does not exist.
    assert '<link rel="icon"' in response.content.decode()


def test_the_error_page_without_permission_tells_users_to_ask_for_a_role(client: Browser) -> None:
    client.force_login(User.objects.create_user("no-role", is_staff=True))

    response = client.get("/admin/console/list/failing/")

    assert response.status_code == 403
    assert "Ask the administrator of CHM for a role" in response.content.decode()


@override_settings(ROOT_URLCONF=__name__)
def test_an_unexpected_error_shows_the_request_id_and_no_details(client: Browser) -> None:
    client.raise_request_exception = False

    page = client.get("/broken", headers={"X-Request-ID": "trace-me-17"})

    assert page.status_code == 500
    assert "trace-me-17" in page.content.decode()
    assert "secret details" not in page.content.decode()


def test_the_api_documentation_redirects_a_browser_to_the_login_and_refuses_a_program(client: Browser) -> None:
    browser = client.get("/api/v1/docs", headers={"Accept": "text/html,*/*"})
    program = client.get("/api/v1/docs", headers={"Accept": "*/*"})

    assert (browser.status_code, browser["Location"]) == (302, "/admin/login/?next=/api/v1/docs")
    assert program.status_code == 401


def test_a_form_sent_after_the_session_ended_keeps_its_input_and_can_be_saved_after_the_login(client: Browser) -> None:
    page = client.post(ADD_CLIENT_URL, ENTERED_VALUES)

    assert page.status_code == 403
    assert "Your session has ended" in page.content.decode()
    hidden_fields = dict(re.findall(r'type="hidden" name="([\w-]+)" value="([^"]*)"', page.content.decode()))
    assert hidden_fields.items() >= ENTERED_VALUES.items()
    assert not Client.objects.exists()

    client.force_login(User.objects.create_superuser("owner"))
    assert client.post(ADD_CLIENT_URL, {name: hidden_fields[name] for name in ENTERED_VALUES}).status_code == 302
    assert Client.objects.get().name == "Baltic Foods"


def test_passwords_are_not_written_into_the_page_that_keeps_a_form(client: Browser) -> None:
    page = client.post("/admin/auth/user/add/", {"username": "new", "password1": "horse-battery"}).content.decode()

    assert "horse-battery" not in page
    assert "enter them again afterwards: password1" in page


def test_a_form_with_an_old_csrf_token_is_offered_again_with_its_input() -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(User.objects.create_superuser("owner"))
    browser.get(ADD_CLIENT_URL)

    page = browser.post(
        ADD_CLIENT_URL, ENTERED_VALUES | {"csrfmiddlewaretoken": "x" * 64}, headers={"Origin": "http://testserver"}
    )

    assert "Please send the form again" in page.content.decode()
    kept_fields = dict(re.findall(r'type="hidden" name="([\w-]+)" value="([^"]*)"', page.content.decode()))
    assert browser.post(ADD_CLIENT_URL, kept_fields, headers={"Origin": "http://testserver"}).status_code == 302
    assert Client.objects.get().name == "Baltic Foods"


@pytest.mark.parametrize("origin", [{}, {"Origin": "https://elsewhere.example"}])
def test_a_form_from_another_site_is_refused_without_its_content(origin: dict[str, str]) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(User.objects.create_superuser("owner"))

    page = browser.post(ADD_CLIENT_URL, ENTERED_VALUES, headers=origin)

    assert page.status_code == 403
    assert "Baltic Foods" not in page.content.decode()


def test_a_login_without_a_valid_csrf_token_asks_to_open_the_page_again() -> None:
    browser = Browser(enforce_csrf_checks=True)

    page = browser.post("/admin/login/", {"username": "owner", "password": "horse-battery"}).content.decode()

    assert "This login page is too old" in page
    assert "horse-battery" not in page


@pytest.mark.parametrize(
    ("has_role", "password", "message"),
    [
        (True, "wrong", "The user name or the password is not correct"),
        (False, "right-and-long", "This person has no role in the console"),
    ],
)
def test_a_refused_login_shows_the_reason(client: Browser, has_role: bool, password: str, message: str) -> None:
    User.objects.create_user("someone", password="right-and-long", is_staff=has_role)

    page = client.post("/admin/login/", {"username": "someone", "password": password})

    assert message in page.content.decode()
