"""The class of the rules that find secrets in texts. The rules are in `token_rules` and `context_rules`."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule for a kind of secret that has a recognizable form or context.

    anchors: texts in lower case. The rule is tried only at places where a text contains one of them.
    characters_before: a match of the pattern starts this many characters before the anchor.
    pattern: its last matched group is the secret. Without a group, the whole match is the secret.
    examples: texts in which « and » surround the secret. The tests replace a part such as {alnum:24} by random
        characters.
    nearby_words: if there are any, one of them must occur shortly before the anchor.
    must_look_random: the rule ignores a secret that does not look random.
    """

    name: str
    reason: str
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    examples: tuple[str, ...]
    characters_before: int = 0
    nearby_words: tuple[str, ...] = ()
    must_look_random: bool = False
