"""Idempotency-Key for creating POSTs: the same key gets the same answer for a day, without a second object.

Answers are kept in the shared cache. If it is lost, a repeated request is executed again. A key belongs to one token or
user and one path.
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
from chm_project.api.json_answers import to_json

logger = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
MAX_LENGTH = 255
STORED_SECONDS = 24 * 60 * 60
# Longer than any request runs. Afterwards an interrupted request can be repeated.
RUNNING_SECONDS = 120
_RUNNING = "running"
_HEADERS = ("Location",)

Create = Callable[..., Response]


class InProgress(APIException):
    status_code = 409
    default_detail = "A request with this Idempotency-Key is still being answered. Wait a second and repeat it."


def idempotent(create: Create) -> Create:
    """Decorate a view method that handles POST."""

    @wraps(create)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return create(view, request, *args, **kwargs)
        if not (1 <= len(key) <= MAX_LENGTH and key.isascii() and key.isprintable()):
            raise ValidationError({HEADER: [f"Give 1 to {MAX_LENGTH} printable ASCII characters."]})
        cache_key, body_digest = _cache_key(request, key), _digest(to_json(request.data))
        try:
            # add() is atomic, so only one of two simultaneous requests creates the object.
            stored = None if cache.add(cache_key, _RUNNING, RUNNING_SECONDS) else cache.get(cache_key)
        except Exception as error:  # noqa: BLE001 - the cache's client may raise anything
            logger.error("the cache is down: Idempotency-Key ignored (%s)", type(error).__name__)  # noqa: TRY400
            return create(view, request, *args, **kwargs)
        if stored is not None:
            return _replay(stored, body_digest)
        return _create_and_store(cache_key, body_digest, lambda: create(view, request, *args, **kwargs))

    return once


def _create_and_store(cache_key: str, body_digest: str, create: Callable[[], Response]) -> Response:
    """Keep a successful answer. A refused request may be corrected and sent again with the same key."""
    try:
        response = create()
    except BaseException:  # also an interrupt: the key must not stay reserved
        _forget(cache_key)
        raise
    headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
    body = to_json(response.data).decode()
    try:
        cache.set(cache_key, json.dumps([body_digest, response.status_code, headers, body]), STORED_SECONDS)
    except Exception as error:  # noqa: BLE001 - the object exists: the answer must reach the client
        logger.error("the cache is down: answer for Idempotency-Key lost (%s)", type(error).__name__)  # noqa: TRY400
    return response


def _replay(stored: str, body_digest: str) -> Response:
    if stored == _RUNNING:
        raise InProgress
    first_digest, status, headers, body = json.loads(stored)
    if body_digest != first_digest:
        raise ValidationError({HEADER: ["This key was sent with another body before. Use a new key for a new object."]})
    return Response(json.loads(body), status=status, headers=headers | {"Idempotent-Replayed": "true"})


def _forget(cache_key: str) -> None:
    try:
        cache.delete(cache_key)
    except Exception as error:  # noqa: BLE001
        logger.error("the cache is down: Idempotency-Key not released (%s)", type(error).__name__)  # noqa: TRY400


def _cache_key(request: Request, key: str) -> str:
    token = request.auth
    caller = f"token-{token.pk}" if isinstance(token, ApiToken) else f"user-{request.user.pk}"
    return f"idempotency:{caller}:{_digest(f'{request.path} {key}'.encode())}"


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()
