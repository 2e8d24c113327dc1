"""The class of the rules that find secrets in texts. The rules are in `token_rules` and `context_rules`."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule for a kind of secret that has a recognizable form or context.

    anchors: literals in lower case. The rule is tried only where a text contains one of them.
    pattern: matched from `characters_before` characters before an anchor. Its last matched group is the secret, or the
        whole match if it has no group.
    nearby_words: one of these words must occur shortly before the anchor.
    must_look_random: the rule ignores a match that does not look random.
    """

    name: str
    reason: str
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    examples: tuple[str, ...]
    characters_before: int = 0
    nearby_words: tuple[str, ...] = ()
    must_look_random: bool = False
