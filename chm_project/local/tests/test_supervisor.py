"""The supervisor restarts its children, and leaves no process when it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psutil
import pytest

SUPERVISOR_CODE = """
import sys
from chm_project.local.supervisor import Child, Supervisor
children = [Child(name, [sys.executable, "-c", code]) for name, code in zip(sys.argv[1::2], sys.argv[2::2])]
sys.exit(Supervisor(children, write=lambda line: print(line, flush=True), stop_seconds=2).run())
"""
SLEEPING_CODE = "import os, time; print('pid', os.getpid(), flush=True); time.sleep(600)"
CODE_WITH_A_CHILD = (
    "import os, subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "print('pid', os.getpid(), 'and', child.pid, flush=True)\n"
    "time.sleep(600)"
)
CODE_THAT_IGNORES_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPING_CODE


Supervise = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def supervise() -> Iterator[Supervise]:
    with ExitStack() as started:

        def start(*names_and_code: str) -> "subprocess.Popen[str]":
            process = subprocess.Popen(
                [sys.executable, "-c", SUPERVISOR_CODE, *names_and_code],
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            started.enter_context(process)  # closes its output
            return process

        yield start


def wait_for_line(process: "subprocess.Popen[str]", text: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return line.rstrip()
    raise AssertionError(f"the supervisor ended without printing {text!r}")


def pids_in(line: str) -> list[int]:
    return [int(word) for word in line.replace("|", " ").split() if word.isdecimal()]


def becomes_true(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def has_ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_output_is_prefixed_with_the_childs_name(supervise: Supervise) -> None:
    process = supervise("web", SLEEPING_CODE, "worker", SLEEPING_CODE)

    lines = {wait_for_line(process, "pid").split("|")[0] for _ in range(2)}

    process.send_signal(signal.SIGTERM)
    assert lines == {"web    ", "worker "}
    assert process.wait(20) == 0


def test_the_last_output_is_printed_even_if_no_line_break_ends_it(supervise: Supervise) -> None:
    process = supervise("web", "import sys; sys.stderr.write('no such table')", "beat", SLEEPING_CODE)
    assert wait_for_line(process, "no such table") == "web  | no such table"

    process.terminate()


def test_output_that_a_child_writes_while_it_stops_is_printed(supervise: Supervise) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (sys.stderr.write('bye'), sys.exit()))\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)"
    )
    process = supervise("web", code)
    wait_for_line(process, "ready")

    process.terminate()
    assert wait_for_line(process, "bye") == "web | bye"


def test_ctrl_c_stops_children_and_the_processes_that_they_started(supervise: Supervise) -> None:
    process = supervise("a", CODE_WITH_A_CHILD)
    pids = pids_in(wait_for_line(process, "pid"))

    process.send_signal(signal.SIGINT)

    assert process.wait(20) == 0
    assert len(pids) == 2
    assert all(becomes_true(lambda pid=pid: has_ended(pid)) for pid in pids)  # type: ignore[misc]


def test_a_child_that_ignores_sigterm_is_killed(supervise: Supervise) -> None:
    process = supervise("a", CODE_THAT_IGNORES_SIGTERM)
    [pid] = pids_in(wait_for_line(process, "pid"))

    process.send_signal(signal.SIGTERM)

    assert process.wait(30) == 0
    assert becomes_true(lambda: has_ended(pid))


def test_a_child_that_dies_is_started_again(supervise: Supervise) -> None:
    process = supervise("a", SLEEPING_CODE)
    [first] = pids_in(wait_for_line(process, "pid"))

    os.kill(first, signal.SIGKILL)

    assert "starting it again" in wait_for_line(process, "ended with status -9")
    [second] = pids_in(wait_for_line(process, "pid"))
    assert second != first
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_the_supervisor_stops_all_children_and_returns_1_if_one_keeps_ending(supervise: Supervise) -> None:
    process = supervise("steady", SLEEPING_CODE, "broken", "raise SystemExit(3)")
    [steady] = pids_in(wait_for_line(process, "pid"))

    assert "giving up" in wait_for_line(process, "giving up")
    assert process.wait(20) == 1
    assert becomes_true(lambda: has_ended(steady))


def test_no_child_is_left_after_the_supervisor_is_killed(supervise: Supervise) -> None:
    process = supervise("a", SLEEPING_CODE)
    [pid] = pids_in(wait_for_line(process, "pid"))

    process.kill()
    process.wait(20)

    assert becomes_true(lambda: has_ended(pid))
