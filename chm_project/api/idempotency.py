"""Idempotency-Key on POSTs that create: the same key gets the same answer for a day, without a second object.

Answers are kept in the cache that all web processes share, and are lost with it: a request that is repeated after that
is executed again. A key belongs to one token or person and one address.
"""

import json
import logging
from collections.abc import Callable
from functools import wraps
from hashlib import blake2b
from typing import Any

from django.core.cache import cache
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.access.models import ApiToken
from chm_project.api.json_answers import dumped

logger = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
MAX_LENGTH = 255
KEPT_SECONDS = 24 * 60 * 60
# Longer than any request runs; after that the answer of an interrupted request is unknown.
RUNNING_SECONDS = 120
_RUNNING = "running"
_HEADERS = ("Location",)

Create = Callable[..., Response]


class InProgress(APIException):
    status_code = 409
    default_detail = "A request with this Idempotency-Key is still being answered. Wait a second and repeat it."


def idempotent(create: Create) -> Create:
    """Decorate the method of a view that answers a POST."""

    @wraps(create)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return create(view, request, *args, **kwargs)
        if not (1 <= len(key) <= MAX_LENGTH and key.isascii() and key.isprintable()):
            raise ValidationError({HEADER: [f"Give 1 to {MAX_LENGTH} printable ASCII characters."]})
        place, content = _place(request, key), _digest(dumped(request.data))
        try:
            stored = None if cache.add(place, _RUNNING, RUNNING_SECONDS) else cache.get(place)
        except Exception as error:  # noqa: BLE001 - whatever the cache's client raises
            logger.error("the cache is down: Idempotency-Key ignored (%s)", type(error).__name__)  # noqa: TRY400
            return create(view, request, *args, **kwargs)
        if stored is not None:
            return _repeated(stored, content)
        return _kept(place, content, lambda: create(view, request, *args, **kwargs))

    return once


def _kept(place: str, content: str, create: Callable[[], Response]) -> Response:
    """Keep the answer to a request that succeeded; a refused one may be corrected and sent with the same key."""
    try:
        response = create()
    except BaseException:
        _forget(place)
        raise
    headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
    body = dumped(response.data).decode()
    try:
        cache.set(place, json.dumps([content, response.status_code, headers, body]), KEPT_SECONDS)
    except Exception as error:  # noqa: BLE001 - the object exists: the answer must reach the client
        logger.error("the cache is down: answer for Idempotency-Key lost (%s)", type(error).__name__)  # noqa: TRY400
    return response


def _repeated(stored: str, content: str) -> Response:
    if stored == _RUNNING:
        raise InProgress
    first_content, status, headers, body = json.loads(stored)
    if content != first_content:
        raise ValidationError({HEADER: ["This key was sent with another body before. Use a new key for a new object."]})
    return Response(json.loads(body), status=status, headers=headers | {"Idempotent-Replayed": "true"})


def _forget(place: str) -> None:
    try:
        cache.delete(place)
    except Exception as error:  # noqa: BLE001
        logger.error("the cache is down: Idempotency-Key not released (%s)", type(error).__name__)  # noqa: TRY400


def _place(request: Request, key: str) -> str:
    token = request.auth
    caller = f"token-{token.pk}" if isinstance(token, ApiToken) else f"user-{request.user.pk}"
    return f"idempotency:{caller}:{_digest(f'{request.path} {key}'.encode())}"


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
