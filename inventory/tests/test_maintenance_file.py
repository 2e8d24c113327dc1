"""The maintenance file: when its windows begin and end, and which faults CHM lists."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inventory.maintenance_file import maintenance_file, read_maintenance_file
from inventory.maintenance_windows import WEEKDAYS, covered_until

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "maintenance.toml"
SECOND = timedelta(seconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "since", "until"),
    [
        pytest.param(
            'days = ["saturday"]\nfrom = 22:00:00\nuntil = 02:00:00\nzone = "Europe/Berlin"',
            "2026-06-13 20:00", "2026-06-14 00:00", id="a window across midnight in summer",
        ),
        pytest.param(
            'days = ["saturday"]\nfrom = 22:00:00\nuntil = 02:00:00\nzone = "Europe/Berlin"',
            "2026-01-17 21:00", "2026-01-18 01:00", id="a window across midnight in winter",
        ),
        pytest.param(
            'days = ["sunday"]\nfrom = 01:00:00\nuntil = 04:00:00\nzone = "Europe/Berlin"',
            "2026-03-29 00:00", "2026-03-29 02:00", id="the clocks skip an hour of the window",
        ),
        pytest.param(
            'days = ["sunday"]\nfrom = 02:30:00\nuntil = 06:00:00\nzone = "Europe/Berlin"',
            "2026-03-29 01:30", "2026-03-29 04:00", id="the window starts in the skipped hour",
        ),
        pytest.param(
            'days = ["sunday"]\nfrom = 01:00:00\nuntil = 02:30:00\nzone = "Europe/Berlin"',
            "2026-10-24 23:00", "2026-10-25 01:30", id="the window ends in the repeated hour",
        ),
        pytest.param(
            'days = ["saturday"]\nfrom = 22:00:00\nuntil = 04:00:00\nzone = "America/New_York"',
            "2026-11-01 02:00", "2026-11-01 09:00", id="the window contains the repeated hour",
        ),
        pytest.param(
            'days = ["wednesday"]\nfrom = 00:00:00\nuntil = 00:00:00', "2026-06-17 00:00", "2026-06-18 00:00",
            id="a whole day, in UTC",
        ),
        pytest.param(
            'days = ["monday"]\nfrom = 08:00:00\nuntil = 09:00:00\nzone = "Pacific/Kiritimati"',
            "2026-06-14 18:00", "2026-06-14 19:00", id="Monday in the zone is Sunday in UTC",
        ),
        pytest.param(
            'from = 2026-12-05T20:00:00\nuntil = 2026-12-06T06:00:00\nzone = "Asia/Kolkata"',
            "2026-12-05 14:30", "2026-12-06 00:30", id="a window with dates",
        ),
        pytest.param(
            "from = 2026-12-05T20:00:00+02:00\nuntil = 2026-12-06T06:00:00Z", "2026-12-05 18:00", "2026-12-06 06:00",
            id="a window with dates and offsets",
        ),
    ],
)  # fmt: skip
def test_a_window_starts_and_ends_at_the_local_times_of_its_zone(
    tmp_path: Path, window: str, since: str, until: str
) -> None:
    (tmp_path / "file.toml").write_text(f'[[maintenance]]\nreason = "x"\n{window}\n')
    content = read_maintenance_file(tmp_path / "file.toml")
    assert content.faults == ()

    [maintenance] = content.maintenance

    span = maintenance.window.span_at(utc(since))
    assert span is not None
    assert (span.since, span.until) == (utc(since), utc(until))
    assert maintenance.window.span_at(utc(until) - SECOND) == span
    assert maintenance.window.span_at(utc(since) - SECOND) is None
    assert maintenance.window.span_at(utc(until)) is None


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati"])
def test_no_weekly_window_is_at_the_first_and_last_moments_of_the_calendar(tmp_path: Path, zone: str) -> None:
    (tmp_path / "file.toml").write_text(
        f'[[maintenance]]\nreason = "x"\ndays = {list(WEEKDAYS)}\nfrom = 00:00:00\nuntil = 00:00:00\nzone = "{zone}"\n'
    )
    [maintenance] = read_maintenance_file(tmp_path / "file.toml").maintenance

    assert maintenance.window.span_at(utc("0001-01-01 00:00:00")) is None
    assert maintenance.window.span_at(utc("9999-12-31 23:59:59")) is None
    assert maintenance.window.span_at(utc("2026-06-14 12:00")) is not None


def test_covered_until_joins_windows_without_a_gap_between_them(tmp_path: Path) -> None:
    (tmp_path / "file.toml").write_text(
        '[[maintenance]]\nreason = "x"\ndays = ["saturday", "sunday"]\nfrom = 00:00:00\nuntil = 00:00:00\n'
        '[[maintenance]]\nreason = "y"\nfrom = 2026-06-15T00:30:00\nuntil = 2026-06-15T02:00:00\n'
    )
    windows = [maintenance.window for maintenance in read_maintenance_file(tmp_path / "file.toml").maintenance]

    assert covered_until(windows, utc("2026-06-13 05:00"), utc("2026-06-14 23:00")) == utc("2026-06-15 00:00")
    assert covered_until(windows, utc("2026-06-13 05:00"), utc("2026-06-15 01:00")) is None, (
        "half an hour between the windows is not covered"
    )
    assert covered_until(windows, utc("2026-06-12 23:00"), utc("2026-06-13 05:00")) is None


def test_all_faults_of_a_file_are_listed_with_their_keys(tmp_path: Path) -> None:
    (tmp_path / "file.toml").write_text(
        """
        colour = "red"
        [[maintenance]]
        zone = "Europe/Berlinn"
        days = ["saturday", "caturday"]
        from = "22:00"
        pipelines = { platform = "airflow2", client = "Northwind" }
        [[maintenance]]
        reason = "backwards"
        from = 2026-12-06T20:00:00
        until = 2026-12-05T20:00:00
        until_further = true
        [[owners]]
        pipelines = { clients = "Northwind" }
        [[owners]]
        owner = ""
        runbook_url = "javascript:alert(1)"
        [[owners]]
        owner = "\\u0000"
        pipelines = { clients = ["a\\u0000b"] }
        """
    )

    faults = read_maintenance_file(tmp_path / "file.toml").faults

    assert [fault.removeprefix(f"{tmp_path / 'file.toml'}: ").split(":")[0] for fault in faults] == [
        "colour",
        "maintenance[1].reason", "maintenance[1].pipelines.platform", "maintenance[1].pipelines.client",
        "maintenance[1].zone", "maintenance[1].days", "maintenance[1].from", "maintenance[1].until",
        "maintenance[2].until", "maintenance[2].until_further",
        "owners[1].pipelines.clients", "owners[1]",
        "owners[2].owner", "owners[2].runbook_url",
        "owners[3].pipelines.clients", "owners[3].owner",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fault"),
    [("[[maintenance]\n", "line 1"), ("maintenance = 3", "maintenance: must be tables"), (None, "cannot read")],
)
def test_a_file_that_cannot_be_read_has_one_fault(tmp_path: Path, text: str | None, fault: str) -> None:
    if text is not None:
        (tmp_path / "file.toml").write_text(text)

    [message] = read_maintenance_file(tmp_path / "file.toml").faults
    assert fault in message


@pytest.mark.parametrize(
    ("window", "key"),
    [
        ('from = 2026-12-05T20:00:00\nuntil = 9999-12-31T23:59:59\nzone = "America/New_York"', "until"),
        ("from = 2026-12-05T20:00:00\nuntil = 9999-12-31T23:59:59-05:00", "until"),
        ('from = 0001-01-01T00:00:00\nuntil = 2026-12-05T20:00:00\nzone = "Europe/Berlin"', "from"),
    ],
)
def test_a_time_outside_the_years_1_to_9999_in_utc_is_a_fault(tmp_path: Path, window: str, key: str) -> None:
    file = tmp_path / "file.toml"
    file.write_text(f'[[maintenance]]\nreason = "x"\n{window}\n')

    assert read_maintenance_file(file).faults == (
        f"{file}: maintenance[1].{key}: is not between the years 1 and 9999 in UTC",
    )


def test_the_example_file_in_the_documents_has_no_fault() -> None:
    content = read_maintenance_file(EXAMPLE)

    assert content.faults == ()
    assert (len(content.maintenance), len(content.owners)) == (2, 2)


def test_a_changed_file_is_read_again(tmp_path: Path, settings: object) -> None:
    file = tmp_path / "file.toml"
    settings.CHM_MAINTENANCE_FILE = str(file)  # type: ignore[attr-defined]

    assert "cannot read" in maintenance_file().faults[0]
    file.write_text('[[owners]]\nowner = "a"\n')
    assert [owner.owner for owner in maintenance_file().owners] == ["a"]
    file.write_text('[[owners]]\nowner = "another one"\n')
    assert [owner.owner for owner in maintenance_file().owners] == ["another one"]
