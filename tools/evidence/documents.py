"""Run the commands of README and quickstart in a fresh clone.

The first line of every shell block contains its kind:

- `sh run`: the test runs the commands and waits until they have ended.
- `sh ready="TEXT"`: the test starts the commands, which continue to run. They are ready when they have printed TEXT. If
  TEXT is a URL, they are ready when the URL answers. The test then stops them and starts them again, because the first
  start also installs packages and creates data.
- `sh ci`: the test does not run the commands, because CI runs them as a separate stage.
- `sh shown`: the test does not run the commands, because they need Docker or a real partner.

A variable that a block of the kind `run` exports is also set in the later blocks of the document, as in one terminal.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tools.evidence.requirements import ROOT

DOCUMENTS = ("README.md", "docs/quickstart.md")
# How long a block may take until it is ready, or until it has ended. The first `make demo` installs all packages.
MAX_SECONDS_UNTIL_READY, MAX_RUN_SECONDS = 300, 600
_BLOCK = re.compile(r"^( *)```sh([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_READY = re.compile(r'ready="([^"]+)"')


class BlockFailed(Exception):
    """A block failed; the message contains its output."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of shell commands in a document."""

    document: str
    line: int
    kind: str  # run, ready, ci or shown
    ready: str  # the text or URL that shows that the block is ready; empty for other kinds
    commands: str

    @property
    def name(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(document: str) -> Iterator[Block]:
    """Yield the blocks of a document; raise BlockFailed if a block declares no kind."""
    text = (ROOT / document).read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        indent, kind_text, commands = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        ready = _READY.search(kind_text)
        kind = "ready" if ready else kind_text.strip()
        if kind not in {"run", "ready", "ci", "shown"}:
            raise BlockFailed(f'{document}:{line}: declare whether the block is run, ready="...", ci or shown')
        lines = [text.removeprefix(indent) for text in commands.splitlines()]
        yield Block(document, line, kind, ready[1] if ready else "", "\n".join(lines))


def run(*, only_list: bool) -> int:
    """Run the blocks of all documents, or only list them; return the exit status."""
    try:
        for document in DOCUMENTS:
            document_blocks = list(blocks(document))
            if only_list:
                for block in document_blocks:
                    print(f"{block.name}: {block.kind} {block.ready}")
            else:
                _run_document(document_blocks)
    except BlockFailed as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


def _run_document(document_blocks: list[Block]) -> None:
    """Run the blocks of a document in a new clone."""
    with tempfile.TemporaryDirectory(prefix="chm-documents-") as folder:
        clone = Path(folder) / "chm"
        # Like the clone of a new user, this clone contains only committed files.
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        terminal = _Terminal(clone, Path(folder))
        try:
            for block in document_blocks:
                terminal.run_block(block)
        finally:
            terminal.close()


class _Terminal:
    def __init__(self, clone: Path, folder: Path) -> None:
        self._clone = clone
        self._folder = folder
        # The commands must not see CHM's settings in this process's environment, such as the address of a database.
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("CHM_", "DJANGO_"))
        }
        self._environment.pop("VIRTUAL_ENV", None)
        self._processes: list[subprocess.Popen[bytes]] = []

    def run_block(self, block: Block) -> None:
        """Run or start a block, and print the seconds. If the kind is ci or shown, only print the block's name."""
        started = time.monotonic()
        if block.kind == "run":
            self._run(block)
            print(f"{block.kind:5} {block.name} {time.monotonic() - started:.0f} s", flush=True)
        elif block.kind == "ready":
            first_process = self._start(block)
            first_seconds = time.monotonic() - started
            _stop(first_process)
            started = time.monotonic()
            self._processes.append(self._start(block))
            second_seconds = time.monotonic() - started
            print(f"{block.kind:5} {block.name} {first_seconds:.0f} s, again {second_seconds:.0f} s", flush=True)
        else:
            print(f"{block.kind:5} {block.name}", flush=True)

    def _run(self, block: Block) -> None:
        environment_file = self._folder / "environment"
        # At the end, the script writes its variables to a file. The next block begins with these variables.
        script = f"set -euo pipefail\n{block.commands}\nenv -0 > {environment_file}\n"
        completed = subprocess.run(
            ["bash", "-c", script],
            cwd=self._clone,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=MAX_RUN_SECONDS,
            check=False,
        )
        if completed.returncode:
            raise BlockFailed(
                f"{block.name} ended with status {completed.returncode}:\n{completed.stdout.decode(errors='replace')}"
            )
        pairs = (entry.partition("=") for entry in environment_file.read_text().split("\0") if entry)
        self._environment = {name: value for name, _, value in pairs}

    def _start(self, block: Block) -> subprocess.Popen[bytes]:
        """Start the commands of the block, and return their process when they are ready."""
        log = self._folder / f"ready-{block.line}.log"
        with log.open("wb") as log_file:
            process = subprocess.Popen(
                ["bash", "-c", block.commands],
                cwd=self._clone,
                env=self._environment,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                # A new process group: _stop() ends all its processes, also those that the commands have started.
                start_new_session=True,
            )
        deadline = time.monotonic() + MAX_SECONDS_UNTIL_READY
        while not _is_ready(block.ready, log):
            if process.poll() is not None or time.monotonic() > deadline:
                _stop(process)
                raise BlockFailed(
                    f"{block.name} did not become ready ({block.ready}):\n{log.read_text(errors='replace')}"
                )
            time.sleep(0.2)
        return process

    def close(self) -> None:
        for process in reversed(self._processes):
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def _is_ready(ready: str, log: Path) -> bool:
    if not ready.startswith("http"):
        return ready in log.read_text(errors="replace")
    try:
        with urlopen(ready, timeout=5) as response:
            return int(response.status) == 200
    except OSError:
        return False
