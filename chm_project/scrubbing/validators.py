"""Refuse secrets in user input."""

from django.core.exceptions import ValidationError

from chm_project.scrubbing.texts import scrub_text


def refuse_secrets(value: str) -> None:
    """Raise ValidationError if the text contains a secret; the message shows the scrubbed text."""
    shown = scrub_text(value)
    if shown != value:
        raise ValidationError(
            "This contains a secret, which every user with access could read. Leave it out: %(shown)s",
            code="secret",
            params={"shown": shown if len(shown) <= 200 else shown[:199] + "…"},
        )
