"""Refresh a page: send only its changing part, or only the line with the time if nothing has changed.

In the header CHM-Refresh, the console's script sends the digest of the part that the page shows. If the part still has
this digest, the response is only the line "As of ..."; otherwise it is the new part. The header CHM-Refresh of the
response has the digest of the current part.
"""

import re
from collections.abc import Callable
from hashlib import blake2b

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

HEADER = "CHM-Refresh"
END = b"<!-- end of refresh -->"
_PART = re.compile(rb'<div [^>]*\bdata-refresh="\d+"[^>]*>.*?' + re.escape(END), re.DOTALL)
_AS_OF = re.compile(rb'<p class="chm-subtle chm-as-of">.*?</p>', re.DOTALL)
_MINUTE_AND_SECOND = re.compile(rb'<time datetime="[^"]*(:\d\d:\d\dZ)"')
# Form tokens differ in each response, and all are valid.
_FORM_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')


class RefreshMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        shown_digest = request.headers.get(HEADER)
        if shown_digest is None or response.status_code != 200 or not isinstance(response, HttpResponse):
            return response
        if (match := _PART.search(response.content)) is None:
            return response
        part = match[0]
        as_of = _AS_OF.search(part)
        digest = _digest(part, as_of[0] if as_of else b"")
        response.content = part if shown_digest != digest else as_of[0] if as_of else b""
        # CommonMiddleware has set the length of the whole page. GZipMiddleware corrects it only if it compresses.
        response.headers["Content-Length"] = str(len(response.content))
        response.headers[HEADER] = digest
        return response


def _digest(part: bytes, as_of: bytes) -> str:
    """Return the digest of a part, ignoring texts that change only because time passes.

    One such text is the line `as_of`. Others are times that CHM computes by subtracting whole hours or days from the
    time of this line: they have the same minute and second. Example: 09:15:20 yesterday, on a page of 09:15:20 today.
    """
    content = _FORM_TOKEN.sub(b"", part.replace(as_of, b""))
    if moment := _MINUTE_AND_SECOND.search(as_of):
        content = re.sub(rb'<time datetime="[^"]*' + moment[1] + rb'"[^>]*>[^<]*</time>', b"", content)
    return blake2b(content, digest_size=12).hexdigest()
