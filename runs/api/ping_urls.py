"""At the root, under /ping/: what Healthchecks clients add to the address that they are given."""

from django.urls import path

from chm_project.api import routing  # noqa: F401  # the converter of <rest:...>
from runs.api.pings import PingSignView, PingView

urlpatterns = [
    path("<str:key>", PingView.as_view(), name="ping"),
    # Whatever follows: what is no sign is refused in text too.
    path("<str:key>/<rest:sign>", PingSignView.as_view(), name="ping-sign"),
]
