"""Remove secrets from texts and payloads before they are compared, stored, logged or shown.

Other packages use only the names in `__all__`. `secret_names` lists names whose values are secrets, `token_rules` the
forms of tokens, and `context_rules` texts that surround a secret.
"""

from chm_project.scrubbing.payloads import scrub_mapping, scrub_payload, scrubbed, storable_text
from chm_project.scrubbing.secret_names import kind_of_secret
from chm_project.scrubbing.texts import scrub_text
from chm_project.scrubbing.value_checks import FILTERED

__all__ = ["FILTERED", "kind_of_secret", "scrub_mapping", "scrub_payload", "scrub_text", "scrubbed", "storable_text"]
