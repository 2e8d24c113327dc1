"""A demonstration shows a short line per event, keeps the login visible, and hides no error."""

from chm_project.local.demo_lines import EventLines, event_of

PAGE = "worker | [x: INFO/ForkPoolWorker-1] airflow-partner page 1 in 12.5 ms: 3 created, 9 unchanged"
IDLE = "worker | [2026-11-21 10:00:00,000: INFO/ForkPoolWorker-1] airflow-partner page 1 in 12.5 ms: 9 unchanged"
FAILED = "worker | [x: WARNING/ForkPoolWorker-2] dbt-partner page 1 failed after 3.0 ms: Unavailable: HTTP 503"
ERROR = "worker | [x: ERROR/ForkPoolWorker-2] nothing is scheduled"


def shown(*lines: str, in_place: bool) -> str:
    written: list[str] = []
    events = EventLines(written.append, in_place=in_place)
    for line in lines:
        events(line)
    return "".join(written)


def test_an_event_is_a_few_words() -> None:
    assert event_of(PAGE) == "airflow-partner: 3 created"
    assert event_of(FAILED) == "dbt-partner: Unavailable: HTTP 503"
    assert event_of(IDLE) == event_of(ERROR) == event_of("web | anything else") == ""


def test_on_a_terminal_events_take_one_line_and_errors_stay() -> None:
    text = shown(PAGE, IDLE, FAILED, ERROR, PAGE, in_place=True)
    assert text.count("\n") == 2, "the end of the events before the error, and the error's own"
    assert text.count("\r") == 3
    assert f"\n{ERROR}\n" in text


def test_elsewhere_each_event_is_a_line() -> None:
    lines = shown(PAGE, IDLE, FAILED, ERROR, in_place=False).splitlines()
    assert [line[10:] for line in lines[:2]] == ["airflow-partner: 3 created", "dbt-partner: Unavailable: HTTP 503"]
    assert lines[2:] == [ERROR]
