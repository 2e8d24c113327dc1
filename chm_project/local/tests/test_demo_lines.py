"""A demonstration prints a short line per event, and every error. On a terminal, each event replaces the one before."""

from chm_project.local.demo_lines import EventLines, event_text

PAGE_LINE = "worker | [x: INFO/ForkPoolWorker-1] airflow-partner page 1 in 12.5 ms: 3 created, 9 unchanged"
UNCHANGED_LINE = (
    "worker | [2026-11-21 10:00:00,000: INFO/ForkPoolWorker-1] airflow-partner page 1 in 12.5 ms: 9 unchanged"
)
FAILED_LINE = "worker | [x: WARNING/ForkPoolWorker-2] dbt-partner page 1 failed after 3.0 ms: Unavailable: HTTP 503"
ERROR_LINE = "worker | [x: ERROR/ForkPoolWorker-2] nothing is scheduled"


def printed_text(*lines: str, in_place: bool) -> str:
    written: list[str] = []
    events = EventLines(written.append, in_place=in_place)
    for line in lines:
        events(line)
    return "".join(written)


def test_a_log_line_is_shortened_to_its_event() -> None:
    assert event_text(PAGE_LINE) == "airflow-partner: 3 created"
    assert event_text(FAILED_LINE) == "dbt-partner: Unavailable: HTTP 503"
    assert event_text(UNCHANGED_LINE) == event_text(ERROR_LINE) == event_text("web | anything else") == ""


def test_on_a_terminal_an_event_replaces_the_last_one_and_errors_stay() -> None:
    text = printed_text(PAGE_LINE, UNCHANGED_LINE, FAILED_LINE, ERROR_LINE, PAGE_LINE, in_place=True)
    assert text.count("\n") == 2, "one line break ends the event line, one ends the error line"
    assert text.count("\r") == 3
    assert f"\n{ERROR_LINE}\n" in text


def test_without_a_terminal_each_event_is_its_own_line() -> None:
    lines = printed_text(PAGE_LINE, UNCHANGED_LINE, FAILED_LINE, ERROR_LINE, in_place=False).splitlines()
    assert [line[10:] for line in lines[:2]] == ["airflow-partner: 3 created", "dbt-partner: Unavailable: HTTP 503"]
    assert lines[2:] == [ERROR_LINE]
