"""python -m tools.bench.scrubbing: measure how many secrets the scrubber finds, and how fast it is."""

import argparse
import json
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from chm_project import scrubbing
from tools.support.labelled_texts import is_altered, is_missed, items_of

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ("ingestion/synthetic/recordings", "runs/tests/recordings")
# An object of JSON with one of these keys is a run.
RUN_KEYS = {"dag_run_id", "flow_id", "runId", "eventType"}
# Beginnings of secrets. A text that repeats one of them many times makes a careless regular expression slow.
HOSTILE_PIECES = (
    "bearer ",
    "&lt;password ",
    "--password ",
    'session: "',
    "password=",
    "://a:",
    "eyJ.",
    "sk-a-",
    "%70",
    "\u200b",
)
# COMMIT:FILE of an earlier scrubber, which the current one is compared with. It searched a text once for each word that
# can announce a secret.
EARLIER_SCRUBBER_FILE = "5982282:runs/scrub.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default=EARLIER_SCRUBBER_FILE, help="an earlier scrubber, as COMMIT:FILE")
    earlier_scrubber = _earlier_module(parser.parse_args().before)
    # The authors of the rules looked at the texts of the first part. The second part only measures the rules.
    for part in ("rules", "held_out"):
        secrets, harmless = items_of("secret", part), items_of("harmless", part)
        missed_count, altered_count = sum(map(is_missed, secrets)), sum(map(is_altered, harmless))
        removed_count = len(secrets) - missed_count
        _print(f"{part}: {removed_count} of {len(secrets)} secrets removed ({1 - missed_count / len(secrets):.1%}),")
        _print(f"  {altered_count} of {len(harmless)} harmless texts altered ({altered_count / len(harmless):.1%})")
    payloads = list(_payloads())
    texts = [json.dumps(payload, indent=1) for payload in payloads]
    _print(f"{len(payloads)} recorded payloads, {sum(map(len, texts)) / 1000:.0f} kB; µs per kB, the best of five:")
    for name, scrub_json, scrub_text in (
        ("before", earlier_scrubber.scrub_mapping, earlier_scrubber.scrub_text),
        ("now", scrubbing.scrubbed_json, scrubbing.scrub_text),
    ):
        payload_cost = _microseconds_per_kb(scrub_json, payloads)
        _print(f"  {name}: payloads {payload_cost:.1f}, texts {_microseconds_per_kb(scrub_text, texts):.1f}")
    _print("a hostile text of 250 kB and of 1 MB, seconds:")
    for piece in HOSTILE_PIECES:
        _print(f"  {piece!r}: {_hostile_seconds(piece, 250_000):.2f}, {_hostile_seconds(piece, 1_000_000):.2f}")


def _earlier_module(source: str) -> Any:
    """Return an object that has the functions of an earlier scrubber as attributes. `source` is COMMIT:FILE."""
    text = subprocess.run(["git", "show", source], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    module = ModuleType("scrubber_before")
    exec(compile(text, source, "exec"), module.__dict__)  # noqa: S102  # our own earlier file
    return SimpleNamespace(**module.__dict__)


def _payloads() -> Iterable[dict[str, Any]]:
    """Yield every run in the recorded responses of partners."""
    for folder in RECORDINGS:
        for path in sorted((ROOT / folder).rglob("*.json")):
            yield from _runs_in(json.loads(path.read_text()))


def _runs_in(value: Any) -> Iterable[dict[str, Any]]:
    if isinstance(value, dict):
        if value.keys() & RUN_KEYS:
            yield value
        else:
            for item in value.values():
                yield from _runs_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _runs_in(item)


def _microseconds_per_kb(scrub: Callable[[Any], Any], values: list[Any]) -> float:
    size_kb = sum(len(value) if isinstance(value, str) else len(json.dumps(value, indent=1)) for value in values) / 1000
    seconds = []
    for _ in range(5):
        started = time.process_time()
        for value in values:
            scrub(value)
        seconds.append(time.process_time() - started)
    return min(seconds) * 1e6 / size_kb


def _hostile_seconds(piece: str, size: int) -> float:
    text = "token ://@" + piece * (size // len(piece))
    started = time.process_time()
    scrubbing.scrub_text(text)
    return time.process_time() - started


def _print(line: str) -> None:
    from rich.console import Console

    Console().print(line, markup=False, highlight=False)


if __name__ == "__main__":
    main()
