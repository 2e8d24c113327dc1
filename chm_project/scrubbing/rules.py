"""The class of rules for texts. The rules are in `token_rules` and `context_rules`."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A secret that is recognizable by its form or context.

    anchors: literals in lower case; every text that the rule matches contains one of them.
    pattern: matched at an anchor, starting `before` characters before it. Its groups are replaced, or the whole match
        if it has no group; every group is a secret.
    follows: one of these words must occur shortly before the anchor.
    random: the secret must also look random.
    """

    name: str
    reason: str
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    examples: tuple[str, ...]
    before: int = 0
    follows: tuple[str, ...] = ()
    random: bool = False
