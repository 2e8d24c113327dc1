"""Refuse secrets in user input."""

from django.core.exceptions import ValidationError

from chm_project.scrubbing.texts import scrub_text


def refuse_secrets(value: str) -> None:
    """Raise ValidationError if the text contains a secret; the message shows the scrubbed text."""
    scrubbed = scrub_text(value)
    if scrubbed != value:
        raise ValidationError(
            "This contains a secret, which every user with access could read. Leave it out: %(scrubbed)s",
            code="secret",
            params={"scrubbed": scrubbed if len(scrubbed) <= 200 else scrubbed[:199] + "…"},
        )
