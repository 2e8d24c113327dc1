"""Limit logins. Check the limits before the password, because hashing a password needs much CPU time."""

import logging
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from chm_project.api.throttling import Limit, address_of

logger = logging.getLogger(__name__)

ACCOUNT_AND_ADDRESS_LIMIT = Limit("login", "CHM_THROTTLE_LOGIN")  # one account from one address
ADDRESS_LIMIT = Limit("login-address", "CHM_THROTTLE_LOGINS")  # all accounts from one address
ACCOUNT_LIMIT = Limit("login-account", "CHM_THROTTLE_LOGINS")  # one account from all addresses


class LoginLimitBackend:
    """Refuse a login if a limit is exceeded. Return None for other logins, so that the next backend checks them.

    Guesses from one address do not prevent the owner of the account from logging in from another address. The sessions
    and tokens of the account stay valid.
    """

    def authenticate(self, request: HttpRequest | None, username: str | None = None, **_: Any) -> None:
        # A call of authenticate() without a request, such as in a script, has no address to limit.
        if request is None or not username:
            return
        # any() stops at the first exceeded limit, so the later limits do not count this login. Many guesses from one
        # address exceed the first limit, so they do not use up ACCOUNT_LIMIT, which applies to all addresses.
        if any(limit.count_and_get_wait(caller) is not None for limit, caller in _limits_for(request, username)):
            logger.warning(
                "too many logins as %r from %s: refused without checking the password",
                username[:150],
                address_of(request),
            )
            request.login_limit_exceeded = True  # type: ignore[attr-defined]  # LoginForm tells the user
            raise PermissionDenied


def uncount_login(request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    """Subtract a successful login from the counters, because only failed logins are guesses."""
    # Django's test client logs in with a request that has no address.
    if request is not None and request.META.get("REMOTE_ADDR"):
        for limit, caller in _limits_for(request, user.get_username()):
            limit.count_and_get_wait(caller, -1)


def _limits_for(request: HttpRequest, username: str) -> tuple[tuple[Limit, str], ...]:
    # Django's user names have at most 150 characters. Cut longer input, so that it does not fill the cache.
    address, account = address_of(request), username.lower()[:150]
    return (ACCOUNT_AND_ADDRESS_LIMIT, f"{account}@{address}"), (ADDRESS_LIMIT, address), (ACCOUNT_LIMIT, account)
