"""Secrets out of texts and payloads, before they are compared, stored, logged or shown.

`scrub_text` and `scrub_mapping` are all that others need. The names of secrets are in `names`, the forms of tokens in
`token_rules`, what surrounds a secret in `context_rules`.
"""

from chm_project.scrubbing.names import secret_name
from chm_project.scrubbing.payloads import scrub_mapping, scrubbed, storable_text
from chm_project.scrubbing.texts import scrub_text
from chm_project.scrubbing.values import FILTERED

__all__ = ["FILTERED", "scrub_mapping", "scrub_text", "scrubbed", "secret_name", "storable_text"]
