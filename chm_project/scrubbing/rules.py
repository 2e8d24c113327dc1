"""How a rule for texts is written. The rules are in `token_rules` and `context_rules`."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A secret that its own form or its surroundings give away.

    anchors: literals, in lower case, one of which is in every text that the rule is for.
    pattern: is matched where an anchor is found, `before` characters ahead of it. Its group is replaced, or all of it
        where it has no group; every group in it holds a secret.
    follows: one of these words must stand shortly ahead of the anchor.
    random: what is found must also look random.
    """

    name: str
    reason: str
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    examples: tuple[str, ...]
    before: int = 0
    follows: tuple[str, ...] = ()
    random: bool = False
