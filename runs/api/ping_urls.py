"""URLs of pings under /ping/, with the suffixes of Healthchecks clients."""

from django.urls import path

from chm_project.api import path_converters  # noqa: F401  # the converter of <rest:...>
from runs.api.pings import PingView, PingWithSuffixView

urlpatterns = [
    path("<str:key>", PingView.as_view(), name="ping"),
    # `sign` is the contract's word for the suffix. It matches any text, so that the view can refuse unknown
    # suffixes in plain text.
    path("<str:key>/<rest:sign>", PingWithSuffixView.as_view(), name="ping-sign"),
]
