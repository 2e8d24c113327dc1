"""Error pages for browsers.

`error_page` needs no database, session or static file, because any of these may have failed.
"""

import logging
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template import loader
from django.urls import reverse

from chm_project.telemetry.context import current_request_id

logger = logging.getLogger(__name__)

TITLE_AND_ADVICE_BY_STATUS = {
    400: ("This address or form is not valid", "Go back, correct what you entered, and try again."),
    403: (
        "Your roles do not include this page",
        "Ask the administrator of CHM for a role that does.",
    ),
    404: (
        "There is nothing at this address",
        "It may have been removed, the address may be mistyped, or it belongs to a client that you do not see.",
    ),
    500: (
        "Something went wrong",
        "The error has been logged. Try again. If it happens again, give the request id to an administrator.",
    ),
    503: ("CHM cannot answer at the moment", ""),
}
# If the name of a field contains one of these words, a page never contains its value.
SECRET_FIELDS = ("password", "secret", "token")
BOARD_LINK = ("/admin/", "Go to the health board")


def error_page(status: int, message: str = "", *, link: tuple[str, str] = BOARD_LINK) -> HttpResponse:
    """Return the page of a status. `message` replaces the usual advice. `link` is a URL and the text of the link."""
    title, advice = TITLE_AND_ADVICE_BY_STATUS.get(status, TITLE_AND_ADVICE_BY_STATUS[503])
    context = {"title": title, "message": message or advice, "link": link}
    return _render("errors/page.html", context, status=status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return a page with the form's input. Return an error page for the login form and for forms from other sites."""
    logger.info("form refused: %s", reason)
    if request.path == reverse("admin:login"):
        link = (request.get_full_path(), "Open the login page again")
        return error_page(403, "This login page is too old, so nobody has been logged in.", link=link)
    if not _sent_by_this_site(request):
        return error_page(403, "The form was not sent from a page of CHM. Open the page in CHM and try again.")
    return form_to_resend(
        request,
        title="Please send the form again",
        message="You logged in or out after this form was opened, so nothing has been saved yet.",
    )


def session_ended(request: HttpRequest) -> HttpResponse:
    """Return a page that keeps the input of a form whose session ended before the form was sent."""
    return form_to_resend(
        request,
        title="Your session has ended",
        message="Nothing has been saved yet. What you entered is kept on this page.",
    )


def form_to_resend(request: HttpRequest, *, title: str, message: str) -> HttpResponse:
    """Return a page with the posted fields as a form to send again. Show only the names of secrets and files."""
    names = [name for name in request.POST if name != "csrfmiddlewaretoken"]
    secret_names = {name for name in names if any(part in name.lower() for part in SECRET_FIELDS)}
    context = {
        "title": title,
        "message": message,
        "form_url": request.get_full_path(),
        "fields": [(name, value) for name in names if name not in secret_names for value in request.POST.getlist(name)],
        "lost_names": sorted(secret_names | set(request.FILES)),
        "is_logged_in": request.user.is_authenticated,
        "login_url": reverse("admin:login"),
        "csrf_token": get_token(request),
    }
    return _render("errors/kept_form.html", context, status=403)


def _render(template: str, context: dict[str, Any], *, status: int) -> HttpResponse:
    context |= {"status": status, "request_id": current_request_id()}
    return HttpResponse(loader.get_template(template).render(context), status=status)


def _sent_by_this_site(request: HttpRequest) -> bool:
    """Return whether the header Origin names CHM. Browsers send this header with each form. No page can forge it."""
    own_origin = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Origin") in {own_origin, *settings.CSRF_TRUSTED_ORIGINS}
