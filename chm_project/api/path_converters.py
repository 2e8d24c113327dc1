"""Path converters for ids. A path whose id is not a UUID is an unknown route, so it gets 404."""

import uuid

from django.urls import register_converter


class IdConverter:
    regex = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> uuid.UUID:
        return uuid.UUID(value)

    def to_url(self, value: object) -> str:
        return str(value)


class RemainingPathConverter:
    """Matches the rest of a path, including slashes and line breaks: the id of a run at its source."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(IdConverter, "id")
register_converter(RemainingPathConverter, "rest")
