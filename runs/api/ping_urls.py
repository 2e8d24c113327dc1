"""URLs of pings under /ping/, with the suffixes of Healthchecks clients."""

from django.urls import path

from chm_project.api import routing  # noqa: F401  # the converter of <rest:...>
from runs.api.pings import PingSignView, PingView

urlpatterns = [
    path("<str:key>", PingView.as_view(), name="ping"),
    # Any suffix: unknown ones are refused in text too.
    path("<str:key>/<rest:sign>", PingSignView.as_view(), name="ping-sign"),
]
