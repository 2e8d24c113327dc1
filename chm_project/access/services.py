"""Create, find and revoke API tokens. The secret is shown once; only its keyed digest is stored."""

import re
import secrets
import string
import uuid
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from chm_project.access.models import ApiToken, Scope
from chm_project.db.hot_queries import EarlyRow, HotQuery, QueryParameter

_ALPHABET = string.ascii_letters + string.digits
TOKEN_FORMAT = re.compile(r"chm_[A-Za-z0-9]{8}_[A-Za-z0-9]{40}")
_USE_RECORDING_INTERVAL = timedelta(minutes=5)
_TOKEN_COLUMNS = [field.attname for field in ApiToken._meta.concrete_fields]


def create_token(
    *,
    name: str,
    scope: Scope,
    client_id: uuid.UUID | None = None,
    pipeline_id: uuid.UUID | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Return the new token and its plaintext, which is not stored."""
    prefix = _random_text(8)
    plaintext = f"chm_{prefix}_{_random_text(40)}"
    with transaction.atomic():
        # The token's own user, without a password. The admin log shows this user for changes made with the token.
        user = get_user_model().objects.create_user(f"api-token-{prefix}", first_name=name)
        token = ApiToken(
            name=name,
            user=user,
            prefix=prefix,
            digest=_digest(plaintext, settings.SECRET_KEY),
            scope=scope,
            client_id=client_id,
            pipeline_id=pipeline_id,
            expires_at=expires_at,
        )
        token.save(force_insert=True)
    return token, plaintext


# Hide the token in Django's error reports.
@sensitive_variables()
def find_token(plaintext: str, early_row: EarlyRow | None = None) -> ApiToken | None:
    """Return the valid token with its user, or None. For an unbound token, the same query also reads `early_row`.

    The query compares keyed digests, so its duration reveals nothing about a token.
    """
    digests = _digests(plaintext)
    if early_row is None:
        row = _token_query(len(digests)).first(**digests)
    else:
        row = _token_query_with(early_row.query, len(digests)).first(**digests, **early_row.values)
    if row is None:
        return None
    user_from, user_until = len(_TOKEN_COLUMNS), len(_TOKEN_COLUMNS) + len(_user_columns())
    token = ApiToken.from_db(DEFAULT_DB_ALIAS, _TOKEN_COLUMNS, row[:user_from])
    token.user = get_user_model().from_db(DEFAULT_DB_ALIAS, _user_columns(), row[user_from:user_until])
    if early_row is not None:
        early_row.store(row[user_until:])
    return token


@sensitive_variables()
def find_ping_key(plaintext: str) -> ApiToken | None:
    """Return the valid token if it has the scope ingest and is bound to a pipeline, and record its use; else None."""
    token = find_token(plaintext) if TOKEN_FORMAT.fullmatch(plaintext) else None
    if token is None or token.scope != Scope.INGEST or token.pipeline_id is None:
        return None
    record_use(token)
    return token


@sensitive_variables()
def find_feed_key(plaintext: str) -> ApiToken | None:
    """Return the valid token if it has the scope read and is not bound to a pipeline, and record its use; else None."""
    token = find_token(plaintext) if TOKEN_FORMAT.fullmatch(plaintext) else None
    if token is None or token.scope != Scope.READ or token.pipeline_id is not None:
        return None
    record_use(token)
    return token


@sensitive_variables()
def _digests(plaintext: str) -> dict[str, str]:
    # After SECRET_KEY has changed, a token stays valid while the old key is in SECRET_KEY_FALLBACKS.
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return {f"digest_{number}": _digest(plaintext, key) for number, key in enumerate(keys)}


@cache
def _token_query(digest_count: int) -> HotQuery:
    """Return the query for a valid token and its user. `digest_count` is the number of secret keys to try."""
    digests = [QueryParameter(f"digest_{number}", ApiToken._meta.get_field("digest")) for number in range(digest_count)]
    user = (f"user__{column}" for column in _user_columns())
    return HotQuery.of(
        ApiToken.objects.valid().filter(digest__in=digests).order_by().values_list(*_TOKEN_COLUMNS, *user)
    )


@cache
def _token_query_with(other: HotQuery, digest_count: int) -> HotQuery:
    """Return a query for a valid token. Its row also contains the columns of the first row of the other query.

    The other query runs only for a token that is bound neither to a client nor to a pipeline. OFFSET 0 makes PostgreSQL
    check this condition before it runs the other query.
    """
    token = _token_query(digest_count)
    unbound = "token.client_id IS NULL AND token.pipeline_id IS NULL"
    text = f"""SELECT * FROM ({token.text}) AS token LEFT JOIN LATERAL (
        SELECT * FROM ({other.text}) AS found WHERE {unbound} OFFSET 0
    ) AS other ON true"""  # noqa: S608
    return HotQuery(text)


@cache
def _user_columns() -> list[str]:
    return [field.attname for field in get_user_model()._meta.concrete_fields]


def record_use(token: ApiToken) -> None:
    """Set last_used_at to now, at most every five minutes, so that most requests do not write to the database."""
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - _USE_RECORDING_INTERVAL:
        # SQL checks the condition again, so that only one of several simultaneous requests writes.
        is_due = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - _USE_RECORDING_INTERVAL)
        ApiToken.objects.filter(is_due, pk=token.pk).update(last_used_at=now)


def revoke_token(*, token: ApiToken) -> None:
    """Revoke the token. If it is revoked already, keep the time of the first revocation."""
    ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _digest(plaintext: str, key: str | bytes) -> str:
    return salted_hmac("chm_project.access.token", plaintext, secret=key, algorithm="sha256").hexdigest()
