"""Idempotency-Key for POST requests that create an object or start an ingestion.

For a day, a repeated request with the same key gets the first response and creates no second object. Responses are kept
in the shared cache. If the cache is lost, a repeated request is executed again. A key belongs to one path and to one
token or user.
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
# No request runs this long. After this time, a request that was interrupted can be repeated with its key.
RUNNING_SECONDS = 120
_RUNNING = "running"
_STORED_HEADERS = ("Location",)

Create = Callable[..., Response]


class InProgress(APIException):
    status_code = 409
    default_detail = "A request with this Idempotency-Key is still being answered. Wait a second and repeat it."


def idempotent(create: Create) -> Create:
    """Decorate a view method that handles POST, so that it supports Idempotency-Key."""

    @wraps(create)
    def create_once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
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
            return _first_response(stored, body_digest)
        return _create_and_store(cache_key, body_digest, lambda: create(view, request, *args, **kwargs))

    return create_once


def _create_and_store(cache_key: str, body_digest: str, create: Callable[[], Response]) -> Response:
    """Create the object and keep the response. After an error, release the key, so that it can be used again."""
    try:
        response = create()
    except BaseException:  # also after an interrupt, the key must not stay reserved
        _release_key(cache_key)
        raise
    headers = {name: response.headers[name] for name in _STORED_HEADERS if name in response.headers}
    body = to_json(response.data).decode()
    try:
        cache.set(cache_key, json.dumps([body_digest, response.status_code, headers, body]), STORED_SECONDS)
    except Exception as error:  # noqa: BLE001 - the object is stored, so return the response even if the cache fails
        logger.error("the cache is down: answer for Idempotency-Key lost (%s)", type(error).__name__)  # noqa: TRY400
    return response


def _first_response(stored: str, body_digest: str) -> Response:
    if stored == _RUNNING:
        raise InProgress
    first_digest, status, headers, body = json.loads(stored)
    if body_digest != first_digest:
        raise ValidationError({HEADER: ["This key was sent with another body before. Use a new key for a new object."]})
    return Response(json.loads(body), status=status, headers=headers | {"Idempotent-Replayed": "true"})


def _release_key(cache_key: str) -> None:
    try:
        cache.delete(cache_key)
    except Exception as error:  # noqa: BLE001 - the cache's client may raise anything
        logger.error("the cache is down: Idempotency-Key not released (%s)", type(error).__name__)  # noqa: TRY400


def _cache_key(request: Request, key: str) -> str:
    token = request.auth
    caller = f"token-{token.pk}" if isinstance(token, ApiToken) else f"user-{request.user.pk}"
    return f"idempotency:{caller}:{_digest(f'{request.path} {key}'.encode())}"


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()
