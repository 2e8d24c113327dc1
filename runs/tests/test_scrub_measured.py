"""Measure how many of the labelled secrets are removed, and how many texts without a secret are altered."""

from collections.abc import Iterable

import pytest

from tools.support.labelled_texts import LabelledText, is_altered, is_missed, items_of, labelled_texts, part_of

# MISSED lists every secret that is not removed. ALTERED lists every text without a secret that is altered. Each item
# has a reason. The texts are in secrets.toml. « » marks the secret, and {alnum:32} stands for 32 random characters.
# secrets.toml has two parts: "rules" was used to write the rules, and "held_out" was not. All texts here are in the
# part "held_out".
MISSED = {
    "try again with passphrase «correct-horse-battery»": "ordinary words after the name, without a sign between them",
    "Invalid API key provided: «{alnum:32}»": "a word between the name and the colon",
    "password = '«it''s me»'": "the rule reads only 'it' as the value, and keeps it because it is an ordinary word",
    "https://f.example.test/x?Expires=1&Signature=«{alnum:40}~»&Key-Pair-Id=«APK{upper:14}»": (
        "the signature is removed; the id of the key pair stays, because it gives no access"
    ),
    "{\"extra\": \"{'extra__google__key': '«{alnum:40}»', 'keyfile_dict': {'private_key': '«{base64:60}»'}}\"}": (
        "the private key is removed; 'key' is not a secret name, because many columns have it"
    ),
}
ALTERED = {
    "password: ****": "the four stars are replaced too",
    "パスワードが違います": "'is different' stands after the word for password, where a value would be",
}


def texts_of(items: Iterable[LabelledText]) -> set[str]:
    return {item.template for item in items}


def test_the_hash_of_a_text_decides_its_part() -> None:
    assert [item.template for item in labelled_texts() if item.part != part_of(item.template)] == []


def test_there_are_enough_secret_and_harmless_texts_in_total_and_in_the_part_held_out() -> None:
    for kind in ("secret", "harmless"):
        assert len(items_of(kind)) >= 200
        assert len(items_of(kind, "held_out")) >= 150


def test_every_secret_is_marked_and_no_harmless_text_has_one() -> None:
    for item in labelled_texts():
        assert bool(item.secrets) == (item.kind == "secret"), item.template


@pytest.mark.proves("SE-002", "SE-003")
@pytest.mark.parametrize("part", ["rules", "held_out"])
def test_at_least_97_of_100_secrets_are_removed(part: str) -> None:
    items = items_of("secret", part)
    missed = [item for item in items if is_missed(item)]
    assert len(missed) <= 0.03 * len(items)


@pytest.mark.parametrize("part", ["rules", "held_out"])
def test_at_most_3_of_100_harmless_texts_are_altered(part: str) -> None:
    items = items_of("harmless", part)
    altered = [item for item in items if is_altered(item)]
    assert len(altered) <= 0.03 * len(items)


def test_each_miss_and_each_alteration_is_listed_with_its_reason() -> None:
    assert texts_of(item for item in items_of("secret") if is_missed(item)) == MISSED.keys()
    assert texts_of(item for item in items_of("harmless") if is_altered(item)) == ALTERED.keys()
