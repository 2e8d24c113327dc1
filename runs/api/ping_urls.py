"""At the root, under /ping/: what Healthchecks clients add to the address that they are given."""

from django.urls import path, register_converter

from runs.api.pings import PingSignView, PingView


class SignConverter:
    regex = "start|fail|log|[0-9]{1,3}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(SignConverter, "sign")

urlpatterns = [
    path("<str:key>", PingView.as_view(), name="ping"),
    path("<str:key>/<sign:sign>", PingSignView.as_view(), name="ping-sign"),
]
