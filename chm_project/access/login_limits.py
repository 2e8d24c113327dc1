"""How many passwords may be tried, judged before a password is hashed: hashing is what a flood of guesses costs."""

import logging
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from chm_project.api.throttling import Limit, address_of

logger = logging.getLogger(__name__)

# An account from one address; then all accounts of an address, and an account from all addresses.
PAIR = Limit("login", "CHM_THROTTLE_LOGIN")
ADDRESS = Limit("login-address", "CHM_THROTTLE_LOGINS")
ACCOUNT = Limit("login-account", "CHM_THROTTLE_LOGINS")


class LoginLimitBackend:
    """First of the backends: refuses what is too much, and leaves everything else to the others.

    Someone who guesses from elsewhere does not lock out the owner's own address, nor any session or token.
    """

    def authenticate(self, request: HttpRequest | None, username: str | None = None, **_: Any) -> None:
        if request is None or not username:
            return
        # What the first limit refuses counts in no other: guesses from one address never lock the account elsewhere.
        if any(limit.count(caller) is not None for limit, caller in _counted(request, username)):
            logger.warning(
                "too many logins as %r from %s: refused without looking at the password",
                username[:150],
                address_of(request),
            )
            raise PermissionDenied("Too many logins; try again later.")


def give_back(request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    """Take a login that succeeded out of the counts: only failed ones are guesses."""
    if request is not None and request.META.get("REMOTE_ADDR"):
        for limit, caller in _counted(request, user.get_username()):
            limit.count(caller, -1)


def _counted(request: HttpRequest, username: str) -> tuple[tuple[Limit, str], ...]:
    address, account = address_of(request), username.lower()[:150]
    return (PAIR, f"{account}@{address}"), (ADDRESS, address), (ACCOUNT, account)
