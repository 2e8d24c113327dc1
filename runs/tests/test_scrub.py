"""Secrets are removed from texts and payloads. Other words stay unchanged.

An anchor is a short text of a rule. CHM tries a rule only where the text contains one of its anchors.
"""

import json
from time import process_time
from typing import Any

import pytest

from chm_project.scrubbing import FILTERED, kind_of_secret, scrub_payload, scrub_text, scrubbed_json
from chm_project.scrubbing.payloads import scrubbed
from chm_project.scrubbing.secret_names import SECRET_KINDS
from chm_project.scrubbing.texts import RULES
from tools.support.labelled_texts import LabelledText, fill, labelled_texts

SECRET_KEYS = (
    "password PASSWORD passwd pwd db_password DB-PASSWORD dbPassword smtppassword secret client_secret clientSecret "
    "aws_secret_access_key token access_token refreshToken api_key apiKey API-KEY apikey x-api-key authorization "
    "Authorization auth basic_auth credentials gcpCredentials cookie Set-Cookie session session_id private_key "
    "privateKey connection_string connectionString AZURE_STORAGE_CONNECTION_STRING dsn SENTRY_DSN sas sas_token "
    "account_key signature database_url"
).split()
HARMLESS_KEYS = (
    "author authored_by authority key partition_key keyboard status passenger tokenizer compass "
    "description dag_id run_type assigned design sasquatch monkey passes obsession rows_processed"
).split()


@pytest.mark.proves("SE-003")
@pytest.mark.parametrize("key", SECRET_KEYS)
def test_the_value_of_a_secret_key_is_filtered_at_any_depth(key: str) -> None:
    clean = json.loads(scrubbed_json({"conf": [{"deep": {key: "hunter2"}}], key: {"nested": "hunter2"}}))

    assert clean == {"conf": [{"deep": {key: FILTERED}}], key: FILTERED}


@pytest.mark.parametrize("key", HARMLESS_KEYS)
def test_a_harmless_key_keeps_its_value(key: str) -> None:
    assert kind_of_secret(key) is None
    assert json.loads(scrubbed_json({key: "orders", "password": "x"}))[key] == "orders"


EXAMPLES = [(rule.name, example) for rule in (*RULES, *SECRET_KINDS) for example in rule.examples]


@pytest.mark.proves("SE-002")
@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_a_secret_in_a_text_is_filtered(name: str, example: str) -> None:
    text, secrets = fill(example)

    clean = scrub_text(f"before {text} after")

    assert secrets
    assert FILTERED in clean
    assert not [secret for secret in secrets if secret in clean], name
    assert clean.startswith("before ")


@pytest.mark.proves("SE-002")
@pytest.mark.parametrize("last_character", ["%32", "&#50;", "&#x32;", "\\u0032", "\uff12", "2\u200b"])
def test_an_encoded_last_character_of_a_secret_is_filtered(last_character: str) -> None:
    # The name is encoded too. Otherwise the rules find the whole value in the text as it is.
    assert scrub_text(f"p%61ssword=hunter{last_character} after") == f"p%61ssword={FILTERED} after"
    assert scrub_text(f"p%61ssword=hunter{last_character}") == f"p%61ssword={FILTERED}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_example_of_a_rule_contains_an_anchor_where_the_pattern_matches(rule: Any) -> None:
    for example in rule.examples:
        text, _ = fill(example)
        text = f"before {text} after"
        places = [
            place
            for anchor in rule.anchors
            for place in range(rule.characters_before, len(text))
            if text.lower().startswith(anchor, place) and rule.pattern.match(text, place - rule.characters_before)
        ]

        assert places, "no anchor is at a match of the pattern, so the rule never runs"
    assert rule.examples
    assert rule.reason


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_a_secret_in_a_value_of_a_payload_is_filtered(name: str, example: str) -> None:
    text, secrets = fill(example)

    clean = scrubbed_json({"conf": {"note": [f"before {text} after"]}})

    assert not [secret for secret in secrets if secret in json.loads(clean)["conf"]["note"][0]], name


@pytest.mark.parametrize("item", labelled_texts(), ids=lambda item: item.template[:40])
def test_a_payload_that_is_searched_as_text_is_scrubbed_like_a_parsed_payload(item: LabelledText) -> None:
    """To save time, CHM searches a payload as one JSON text, and parses it only if the text can contain a secret."""
    value = item.value if isinstance(item.value, dict) else {"line": f"first\n{item.value}", "items": [item.value]}

    encoded, secret_free_text = scrub_payload(value)

    assert json.loads(encoded) == scrubbed(value)
    # A text with a secret is never a part of secret_free_text.
    assert str(item.value) not in secret_free_text or scrub_text(str(item.value)) == item.value


def test_the_secret_free_text_is_empty_if_the_payload_contains_an_anchor() -> None:
    encoded, secret_free_text = scrub_payload({"external_run_id": "scheduled__2026-03-01", "note": "für Kunde Ω"})
    # "compass" is not a secret name, but it contains "pass", which is one.
    _, text_with_anchor = scrub_payload({"note": "compass=hunter2"})

    assert secret_free_text == encoded
    assert text_with_anchor == ""
    assert scrub_text("pass=hunter2") == f"pass={FILTERED}"


@pytest.mark.parametrize(
    "text",
    [
        "the author of orders.py",
        "basic authentication is not supported",
        "bearer authentication failed",
        "https://example.test/a?page=2&limit=100",
        "https://user@example.test/a",
        "mail ops@example.test about s3://bucket/key",
        "Key error: 'customer_id'",
        "Task 3 of 7 passed; assigned to queue",
        f"password={FILTERED}",
    ],
)
def test_a_harmless_text_is_not_changed(text: str) -> None:
    assert scrub_text(text) == text


def test_the_value_of_a_pair_is_filtered_if_the_name_of_the_pair_is_secret() -> None:
    tags = {"tags": [{"key": "api_token", "value": "FAKE"}, {"key": "team", "value": "blue"}]}

    assert json.loads(scrubbed_json(tags)) == {
        "tags": [{"key": "api_token", "value": FILTERED}, {"key": "team", "value": "blue"}]
    }


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"password": "hunter2"}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize("depth", [10, 500, 5000])
def test_a_deeply_nested_secret_is_removed(depth: int) -> None:
    assert "hunter2" not in scrubbed_json(nested(depth))


def test_values_that_jsonb_cannot_store_are_replaced() -> None:
    clean = scrubbed_json({"nul": "a\0b", "half": "\ud83d", "nan": float("nan"), "far": float("inf"), "k\0": 1})

    assert json.loads(clean) == {"nul": "ab", "half": "\ufffd", "nan": None, "far": None, "k": 1}


def test_a_secret_in_a_text_with_half_a_character_is_filtered() -> None:
    assert scrub_text("\ud83dpassword=hunter2 é") == f"\ud83dpassword={FILTERED} é"


HOSTILE_PIECES = (
    'a|token|token |-eyJ|eyJ.|://a:|a://|bearer |password="|\\"password\\": |sig=|sk-|@|password=|password is '
    '|session: "|<password |&lt;password |--password |-p mysql |curl -u a:|echo a|AKIA|-----BEGIN PRIVATE KEY-----'
    "|-----BEGIN |cookie: a=b|authorization: x |%70|&#112;|\u200b|chm_|sk-a-|==|パスワード|password:\n|a.b-|password=${"
    "|password={{|İpassword="
).split("|")


@pytest.mark.parametrize("piece", HOSTILE_PIECES)
def test_the_time_for_a_hostile_text_grows_only_with_its_length(piece: str) -> None:
    """If a text is four times as long, scrubbing takes about four times as long. With backtracking: 16 times."""

    def seconds(size: int) -> float:
        text = "token ://@" + piece * (size // len(piece))
        started = process_time()
        scrub_text(text)
        return process_time() - started

    assert seconds(200_000) < 10 * seconds(50_000) + 0.2
