"""No secret survives the write path, and ordinary words do."""

import json
from typing import Any

import pytest

from runs.scrub import FILTERED, is_secret_key, scrub_mapping, scrub_text

SECRET_KEYS = (
    "password PASSWORD passwd pwd db_password DB-PASSWORD dbPassword smtppassword secret client_secret clientSecret "
    "aws_secret_access_key token access_token refreshToken api_key apiKey API-KEY apikey x-api-key authorization "
    "Authorization auth basic_auth credentials gcpCredentials cookie Set-Cookie session session_id private_key "
    "privateKey connection_string connectionString AZURE_STORAGE_CONNECTION_STRING dsn SENTRY_DSN sas sas_token "
    "account_key signature database_url"
).split()
HARMLESS_KEYS = (
    "author authored_by authority key partition_key keyboard status passenger tokenizer compass secretary_general_id "
    "description dag_id run_type assigned design sasquatch monkey passes obsession rows_processed sessions_count_x"
).split()


@pytest.mark.proves("SE-003")
@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_secret_key_hides_its_value_at_any_depth(key: str) -> None:
    scrubbed = json.loads(scrub_mapping({"conf": [{"deep": {key: "hunter2"}}], key: {"nested": "hunter2"}}))

    assert scrubbed == {"conf": [{"deep": {key: FILTERED}}], key: FILTERED}


@pytest.mark.parametrize("key", [key for key in HARMLESS_KEYS if not key.startswith(("secretary", "sessions"))])
def test_a_harmless_key_keeps_its_value(key: str) -> None:
    assert not is_secret_key(key)
    assert json.loads(scrub_mapping({key: "orders", "password": "x"}))[key] == "orders"


SECRET_TEXTS = [
    "Authorization: Bearer abc.DEF-123456",
    '{"Authorization": "Bearer abcdefghij1"}',
    "authorization=Basic dXNlcjpodW50ZXIy",
    "proxy said Bearer abcDEF123456 is wrong",
    "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl here",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA-1234567890abcdefghijklmnopqrstu",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "glpat-abcdefghijklmnopqrst",
    "xoxb-1234567890-abcdefghij",
    "sk_live_abcdefgh12345678",
    "dapi0123456789abcdef0123456789abcdef",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIEcut off",
    "postgres://chm:hunter2@db.example.test/x",
    "amqp://u:p@ss@word@host/vhost",
    "https://blob.example.test/f?sv=2024&sig=abc%2Fdef%3D&se=1",
    "https://s3.example.test/k?X-Amz-Signature=0123abcd&X-Amz-Credential=AKID",
    "https://h.example.test/x?token=FAKE-tok-77",
    "login failed: password=hunter2",
    "login failed: password='hunter two', user=chm",
    'config {"db_password": "hunter2"}',
    'config {\\"password\\": \\"hunter2\\"}',
    "DB_PASSWORD=hunter2 dbt run",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=aHVudGVyMg==;EndpointSuffix=x",
    "api-key: 12345-abcde",
    "Cookie: sessionid=abcdef",
]
SECRETS = (
    "hunter2 hunter abc.DEF abcDEF123456 abcdefghij1 dXNlcjpodW50ZXIy eyJ AKIA AKID AIza ghp_ glpat xoxb sk_live dapi0 "
    "MIIE p@ss word@host abc%2F 0123abcd FAKE-tok aHVudGVyMg 12345-abcde abcdef"
).split()


@pytest.mark.proves("SE-002")
@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_a_secret_in_a_text_is_filtered(text: str) -> None:
    scrubbed = scrub_text(text)

    assert FILTERED in scrubbed
    assert not [secret for secret in SECRETS if secret in scrubbed]


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_a_secret_in_a_value_of_a_payload_is_filtered(text: str) -> None:
    scrubbed = scrub_mapping({"conf": {"note": [text]}})

    assert not [secret for secret in SECRETS if secret in scrubbed]


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
    ],
)
def test_a_harmless_text_stays_as_it_is(text: str) -> None:
    assert scrub_text(text) == text


def test_a_pair_of_name_and_value_is_judged_by_its_name() -> None:
    tags = {"tags": [{"key": "api_token", "value": "FAKE"}, {"key": "team", "value": "blue"}]}

    assert json.loads(scrub_mapping(tags)) == {
        "tags": [{"key": "api_token", "value": FILTERED}, {"key": "team", "value": "blue"}]
    }


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"password": "hunter2"}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize("depth", [10, 500, 5000])
def test_secrets_do_not_hide_behind_depth(depth: int) -> None:
    assert "hunter2" not in scrub_mapping(nested(depth))


def test_what_json_in_the_database_cannot_hold_is_made_storable() -> None:
    scrubbed = scrub_mapping({"nul": "a\0b", "half": "\ud83d", "nan": float("nan"), "far": float("inf"), "k\0": 1})

    assert json.loads(scrubbed) == {"nul": "ab", "half": "\ufffd", "nan": None, "far": None, "k": 1}


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "token",
        "token ",
        "-eyJ",
        "eyJ.",
        "://a:",
        "a://",
        "bearer ",
        'password="',
        '\\"password\\": ',
        "sig=",
        "sk-",
        "@",
    ],
)
def test_a_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    """With a repetition that backtracks this does not end within the life of a test run."""
    scrub_text("token ://@" + piece * (1_000_000 // len(piece)))
