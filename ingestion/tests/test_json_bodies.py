"""Bodies of partners are decoded as the standard library does, but without characters that CHM cannot store."""

import json

import pytest

from ingestion.json_bodies import decode

BODIES = [
    b'{"runs": [{"id": "a", "rows": 12, "share": 0.1, "deep": [null, true, {}]}], "next": null}',
    '{"name": "Übung 表"}'.encode(),
    b'{"a": 1, "a": 2}',
    b"9223372036854775807",
    b"18446744073709551616",
    b'{"rows": -123456789012345678901234567890}',
    b"[1e400, -0, -0.0, 1E5, 0.30000000000000004]",
    b"[NaN, Infinity]",
    '{"a": "é"}'.encode("utf-16"),
    b"\xef\xbb\xbf{}",
    b"[" * 200 + b"]" * 200,
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:20]))
def test_a_body_is_decoded_like_the_standard_library_does(body: bytes) -> None:
    assert repr(decode(body)) == repr(json.loads(body))


@pytest.mark.parametrize(
    ("body", "decoded"),
    [
        (b'{"id": "a\\u0000b"}', {"id": "ab"}),
        (b'[{"a\\u0000": ["\\u0000", 12345678901234567890]}]', [{"a": ["", 12345678901234567890]}]),
        (b'["\\ud83d\\ude00 \\u0000"]', ["\U0001f600 "]),
        (b'["x\\ud800y", {"\\udc00": NaN}]', ["x\ufffdy", {"\ufffd": pytest.approx(float("nan"), nan_ok=True)}]),
        (rb'["\\u0000"]', [r"\u0000"]),
    ],
)
def test_a_body_is_decoded_without_nul_and_lone_surrogates(body: bytes, decoded: object) -> None:
    assert decode(body) == decoded


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b'{"a": 1} x', b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        decode(body)
