"""Path converters: a UUID in upper or lower case; anything else is an unknown route."""

import uuid

from django.urls import register_converter


class IdConverter:
    regex = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> uuid.UUID:
        return uuid.UUID(value)

    def to_url(self, value: object) -> str:
        return str(value)


class RestConverter:
    """The rest of a path, including slashes and line breaks: a run's id at its source."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(IdConverter, "id")
register_converter(RestConverter, "rest")
