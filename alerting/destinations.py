"""Validate and mask destinations of alert rules.

The address of a hook is a secret, because anyone who has it can post to the hook.
"""

import re
from typing import TYPE_CHECKING

from django.db.models import F, Func, Q, QuerySet, TextField, Value
from django.utils.crypto import salted_hmac

from chm_project.scrubbing import FILTERED, scrub_text

if TYPE_CHECKING:
    from alerting.models import AlertRule

# For each channel, the pattern of its destinations and the advice to show if a destination does not match. A database
# constraint uses the same patterns. They end with \Z, because $ also matches before a line break at the end.
DESTINATION_FORMATS = {
    "slack": (
        r"\A([#@][^\s#@]+|[CDGU][A-Z0-9]{8,}|https://[^\s/]+(/\S*)?)\Z",
        "Write a Slack channel such as #data-alerts, or the https:// address of a Slack hook.",
    ),
    "email": (r"\A[^\s@]+@[^\s@]+[.][^\s@.]+\Z", "Write an e-mail address such as ops@example.com."),
    "webhook": (r"\Ahttps://[^\s/]+(/\S*)?\Z", "Write the address of the hook; it begins with https://."),
}

_HOST_PATTERN = r"^[^:]*://(?:[^/@]*@)?([^/?#]*).*$"
_ADDRESS_PATTERN = re.compile(r"([a-z][a-z0-9+.-]*://)(?:[^/@]*@)?([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_MASKED_PATTERN = re.compile(rf"{re.escape(FILTERED)}-[0-9a-f]{{8}}\Z")


def shown_destination(destination: str) -> str:
    """Return the destination without secrets, such as https://hooks.example/[filtered]-1a2b3c4d for a hook's address.

    The digest at the end makes the results of different destinations different. A destination without a secret is
    returned unchanged.
    """
    address = _ADDRESS_PATTERN.match(destination)
    if address is None:
        scrubbed = scrub_text(destination)
        return scrubbed if scrubbed == destination else f"{FILTERED}-{_digest(destination)}"
    # An address without credentials and path contains no secret.
    if not address[3].strip("/") and address[0] == f"{address[1]}{address[2]}{address[3]}":
        return destination
    return f"{address[1]}{address[2]}/{FILTERED}-{_digest(destination)}"


def destination_problem(channel: str, destination: str) -> str:
    """Return advice if the destination does not fit the channel; empty if it fits."""
    pattern, advice = DESTINATION_FORMATS.get(channel, ("", ""))
    return "" if re.search(pattern, destination) else advice


def is_masked(destination: str) -> bool:
    """Return whether the text ends like a destination that shown_destination has masked."""
    return _MASKED_PATTERN.search(destination) is not None


def unmasked_destination(submitted: str, stored: str | None) -> str:
    """Return the stored destination if `submitted` is its masked form, else `submitted`.

    Raise ValueError for the masked form of another destination.
    """
    if not is_masked(submitted):
        return submitted
    if stored is None or submitted != shown_destination(stored):
        raise ValueError("This is the masked form of another destination. Write the whole address.")
    return stored


def filter_by_destination(rules: "QuerySet[AlertRule]", text: str) -> "QuerySet[AlertRule]":
    """Return the rules whose destination contains the text; case is ignored.

    If the destination is an address, search only its host. If the path were searched too, users could find out a secret
    letter by letter.
    """
    host = Func(
        F("destination"), Value(_HOST_PATTERN), Value(r"\1"), function="regexp_replace", output_field=TextField()
    )
    is_address = Q(destination__contains="://")
    return rules.alias(destination_host=host).filter(
        (is_address & Q(destination_host__icontains=text)) | (~is_address & Q(destination__icontains=text))
    )


def _digest(destination: str) -> str:
    # Keyed with SECRET_KEY, so that nobody can test guesses of the secret against the digest.
    return salted_hmac("alerting.destinations", destination, algorithm="sha256").hexdigest()[:8]
