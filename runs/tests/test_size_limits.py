"""Texts, payloads and pages of the API have size limits."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chm_project.api.pagination import MAX_PAGE_BYTES
from chm_project.tests.api import api_with_scope
from inventory.tests.factories import PipelineFactory
from runs.events import RunEvent
from runs.models import Run
from runs.services import Outcome, record_runs
from runs.size_limits import CUT_KEY, MAX_PAYLOAD_BYTES, MAX_TEXT_BYTES, payload_within_limit, text_within_limit
from runs.tests.factories import RunFactory

MEGABYTE = 1024 * 1024


@pytest.mark.django_db
def test_a_text_of_15_megabytes_is_cut_with_a_note_and_a_replay_changes_nothing() -> None:
    text = "Traceback (most recent call last): é " * (15 * MEGABYTE // 38)
    write = RunEvent(
        pipeline_id=PipelineFactory.create().pk,
        external_run_id="r",
        status="failed",
        error_message=text,
        status_reason=text,
        payload={"id": 7, "log": text, "note": "short"},
    )

    outcomes = [record_runs([write])[0].outcome for _ in range(2)]

    run = Run.objects.get()
    assert outcomes == [Outcome.CREATED, Outcome.UNCHANGED]
    for result in (run.error_message, run.status_reason):
        assert result is not None
        assert result.startswith("Traceback")
        assert result.endswith(f"… [cut: {len(text.encode()):,} bytes originally]")
        assert len(result.encode()) <= MAX_TEXT_BYTES
    assert run.payload is not None
    assert {"id": 7, "note": "short"}.items() <= run.payload.items()
    assert run.payload[CUT_KEY].endswith("bytes originally; left out: log")
    assert len(json.dumps(run.payload)) <= MAX_PAYLOAD_BYTES


@pytest.mark.django_db
def test_a_secret_across_the_cut_is_removed_before_cutting() -> None:
    secret = "password=FAKEhunter2FAKEhunter2"
    text = "x" * (MAX_TEXT_BYTES - 60) + " " + secret + "y" * 1000

    record_runs(
        [RunEvent(pipeline_id=PipelineFactory.create().pk, external_run_id="r", status="failed", error_message=text)]
    )

    assert "FAKE" not in str(Run.objects.get().error_message)


@pytest.mark.parametrize("letter", ["x", "é", "漢", "😀"])
@pytest.mark.parametrize("extra_bytes", [0, 1, 2, 3, 4])
def test_the_limit_counts_bytes_and_cuts_no_character_in_half(letter: str, extra_bytes: int) -> None:
    text = letter * (MAX_TEXT_BYTES // len(letter.encode())) + "z" * extra_bytes

    result = text_within_limit(text)

    assert len(result.encode()) <= MAX_TEXT_BYTES
    assert (result == text) == (len(text.encode()) <= MAX_TEXT_BYTES)
    assert "\ufffd" not in result


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 3 * MEGABYTE // 10), max_size=30)
)
def test_a_payload_of_any_shape_stays_an_object_within_the_limit(sizes: dict[str, int]) -> None:
    payload = {name: "v" * size for name, size in sizes.items()}
    encoded = json.dumps(payload, ensure_ascii=False)

    result = payload_within_limit(encoded)

    assert len(result.encode()) <= MAX_PAYLOAD_BYTES
    fields = json.loads(result)
    assert fields == payload if len(encoded.encode()) <= MAX_PAYLOAD_BYTES else CUT_KEY in fields
    assert payload_within_limit(result) == result


def test_a_payload_of_a_hundred_thousand_small_fields_is_cut() -> None:
    result = payload_within_limit(json.dumps({f"field-{number}": number for number in range(100_000)}))

    assert len(result.encode()) <= MAX_PAYLOAD_BYTES
    assert "field-0" in json.loads(result)


@pytest.mark.django_db
def test_pages_of_large_runs_are_shorter_and_still_return_each_run_once() -> None:
    pipeline = PipelineFactory.create()
    RunFactory.create_batch(60, pipeline=pipeline, payload={"log": "x" * (MAX_PAYLOAD_BYTES - 100)})
    api = api_with_scope("read")

    for path in (
        "/api/v1/runs",
        f"/api/v1/runs?client_id={pipeline.client_id}",
        f"/api/v1/pipelines/{pipeline.pk}/runs",
    ):
        ids: list[str] = []
        url: str | None = path
        while url:
            answer = api.get(url)
            body = answer.json()
            assert len(answer.content) <= MAX_PAGE_BYTES + MEGABYTE
            assert len(body["items"]) < 60
            ids += [run["id"] for run in body["items"]]
            cursor, separator = body["next_cursor"], "&" if "?" in path else "?"
            url = cursor and f"{path}{separator}cursor={cursor}"

        assert len(ids) == len(set(ids)) == 60


@pytest.mark.django_db
def test_a_page_of_small_runs_is_not_shortened() -> None:
    RunFactory.create_batch(350, pipeline=PipelineFactory.create())

    body = api_with_scope("read").get("/api/v1/runs?limit=340").json()

    assert len({run["id"] for run in body["items"]}) == 340
    assert body["next_cursor"]
