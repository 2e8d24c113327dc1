import gzip
import io
import zlib
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class StrictJSONParser(JSONParser):
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("it is nested too deeply") from error


class GzipJSONParser(StrictJSONParser):
    """Parse JSON that may be compressed. The size limit applies before and after decompression."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        max_bytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        body = _read_at_most(stream, max_bytes)
        coding = parser_context["request"].headers.get("Content-Encoding", "") if parser_context else ""
        match coding.strip().lower():
            case "" | "identity":
                pass
            case "gzip" | "x-gzip":
                try:
                    with gzip.GzipFile(fileobj=io.BytesIO(body)) as unpacked:
                        body = _read_at_most(unpacked, max_bytes)
                except (OSError, EOFError, zlib.error) as error:
                    raise ParseError("its Content-Encoding is gzip, but its content is not") from error
            case _:
                raise ParseError("its Content-Encoding is not supported; send gzip, or leave it out")
        return super().parse(io.BytesIO(body), media_type, parser_context)


def _read_at_most(stream: IO[Any] | gzip.GzipFile, max_bytes: int) -> bytes:
    # One more byte shows whether the body is too long, without reading gigabytes from a small gzip body.
    body: bytes = stream.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise ParseError(f"it is larger than {max_bytes} bytes")
    return body
