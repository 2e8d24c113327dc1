"""Limit logins before a password is hashed, because hashing is the cost of a flood of guesses."""

import logging
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from chm_project.api.throttling import Limit, address_of

logger = logging.getLogger(__name__)

# One account from one address; all accounts from one address; one account from all addresses.
PAIR = Limit("login", "CHM_THROTTLE_LOGIN")
ADDRESS = Limit("login-address", "CHM_THROTTLE_LOGINS")
ACCOUNT = Limit("login-account", "CHM_THROTTLE_LOGINS")


class LoginLimitBackend:
    """The first authentication backend: refuse logins beyond a limit, and leave all others to the next backends.

    Guesses from other addresses do not lock out the owner's address, sessions or tokens.
    """

    def authenticate(self, request: HttpRequest | None, username: str | None = None, **_: Any) -> None:
        if request is None or not username:
            return
        # A login refused by the first limit does not count in the others, so guesses from one address never lock the
        # account elsewhere.
        if any(limit.count(caller) is not None for limit, caller in _counted(request, username)):
            logger.warning(
                "too many logins as %r from %s: refused without looking at the password",
                username[:150],
                address_of(request),
            )
            raise PermissionDenied("Too many logins; try again later.")


def give_back(request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    """Do not count a successful login: only failed ones are guesses."""
    if request is not None and request.META.get("REMOTE_ADDR"):
        for limit, caller in _counted(request, user.get_username()):
            limit.count(caller, -1)


def _counted(request: HttpRequest, username: str) -> tuple[tuple[Limit, str], ...]:
    address, account = address_of(request), username.lower()[:150]
    return (PAIR, f"{account}@{address}"), (ADDRESS, address), (ACCOUNT, account)
