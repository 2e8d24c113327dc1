"""Remove secrets from texts and payloads before they are compared, stored, logged or shown.

Other packages need only the functions below. `names` lists the names of secrets, `token_rules` the forms of tokens, and
`context_rules` the texts around a secret.
"""

from chm_project.scrubbing.names import secret_name
from chm_project.scrubbing.payloads import scrub_mapping, scrubbed, storable_text
from chm_project.scrubbing.texts import scrub_text
from chm_project.scrubbing.values import FILTERED

__all__ = ["FILTERED", "scrub_mapping", "scrub_text", "scrubbed", "secret_name", "storable_text"]
