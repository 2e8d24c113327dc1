"""Remove secrets from texts and payloads before they are compared, stored, logged or shown.

CHM finds a secret in three ways: by its name, such as "password" (`secret_names`), by its form, such as "ghp_…"
(`token_rules`), or by the text around it, such as "curl -u user:…" (`context_rules`).
"""

from chm_project.scrubbing.payloads import scrub_payload, scrubbed, scrubbed_json, storable_text
from chm_project.scrubbing.secret_names import kind_of_secret
from chm_project.scrubbing.texts import scrub_text
from chm_project.scrubbing.value_checks import FILTERED

__all__ = ["FILTERED", "kind_of_secret", "scrub_payload", "scrub_text", "scrubbed", "scrubbed_json", "storable_text"]
