import codecs
import gzip
import io
import json
import zlib
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class StrictJSONParser(JSONParser):
    """Parse JSON. Each error says what is wrong with the body."""

    codings: tuple[str, ...] = ("", "identity")

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        context = parser_context or {}
        coding = context["request"].headers.get("Content-Encoding", "").strip().lower() if context else ""
        if coding not in self.codings:
            supported = "send gzip, or leave it out" if "gzip" in self.codings else "leave it out"
            raise ParseError(f"its Content-Encoding is not supported; {supported}")
        encoding = codecs.lookup(context.get("encoding") or "utf-8").name
        try:
            # Some editors and shells write a byte order mark at the start of a UTF-8 file.
            text = self.read(stream, coding).decode("utf-8-sig" if encoding == "utf-8" else encoding)
            return json.loads(text, parse_constant=_refuse_constant)
        except UnicodeError as error:
            raise ParseError(f"it is not {encoding.upper()}") from error
        except json.JSONDecodeError as error:
            raise ParseError(f"it is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
        except ValueError as error:
            # Python reads integers of at most 4,300 digits.
            raise ParseError("a number has too many digits") from error
        except RecursionError as error:
            raise ParseError("it is nested too deeply") from error

    def read(self, stream: IO[Any], coding: str) -> bytes:  # subclasses use the coding
        body: bytes = stream.read()
        return body


class GzipJSONParser(StrictJSONParser):
    """Parse JSON that may be compressed. The size limit applies before and after decompression."""

    codings = (*StrictJSONParser.codings, "gzip", "x-gzip")

    def read(self, stream: IO[Any], coding: str) -> bytes:
        max_bytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        body = _read_at_most(stream, max_bytes)
        if coding not in {"gzip", "x-gzip"}:
            return body
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(body)) as unpacked:
                return _read_at_most(unpacked, max_bytes)
        except (OSError, EOFError, zlib.error) as error:
            raise ParseError("its Content-Encoding is gzip, but its content is not") from error


def _refuse_constant(name: str) -> None:
    raise ParseError(f"it is not JSON: {name} is not a number in JSON")


def _read_at_most(stream: IO[Any] | gzip.GzipFile, max_bytes: int) -> bytes:
    # One more byte shows whether the body is too long, without reading gigabytes from a small gzip body.
    body: bytes = stream.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise ParseError(f"it is larger than {max_bytes} bytes")
    return body
