"""WSGI middleware that removes unusual parameters from the header Content-Type.

Django decodes a request with any codec of Python that Content-Type names. Some codecs are not for text, and Django
would answer 500. Others are slow: `punycode` takes minutes for a megabyte.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

_USUAL_CHARSETS = frozenset({"ascii", "iso-8859-1", "us-ascii", "utf-16", "utf-32", "utf-8", "utf8", "windows-1252"})
# The name and the value of a parameter. The value can have quotes.
_PARAMETER = re.compile(r';\s*([^\s;=]+)\s*=\s*("[^"]*"|[^;]*)')

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class ContentTypeMiddleware:
    """Call the WSGI application as if the client had not sent the unusual parameters of Content-Type.

    Without a charset, Django reads a request as UTF-8.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        content_type = environ.get("CONTENT_TYPE", "")
        if ";" in content_type:
            environ["CONTENT_TYPE"] = without_unusual_parameters(content_type)
        return self._application(environ, start_response)


def without_unusual_parameters(content_type: str) -> str:
    parameters = _PARAMETER.finditer(content_type)
    return content_type.partition(";")[0] + "".join(match[0] for match in parameters if _is_usual(match[1], match[2]))


def _is_usual(name: str, value: str) -> bool:
    # A parameter whose name contains * also names a codec (RFC 2231). HTTP does not allow it in Content-Type.
    return "*" not in name and (name.lower() != "charset" or value.strip(' "').lower() in _USUAL_CHARSETS)
