"""Check that the files and headings to which documents link exist."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[2]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def documents(root: Path = ROOT) -> list[Path]:
    """Return every Markdown file of the project, including files that are not committed yet."""
    git_output = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [root / name for name in sorted(set(git_output.stdout.splitlines())) if (root / name).exists()]


def problems(root: Path = ROOT) -> Iterator[str]:
    """Yield a message for each link to a file or heading that does not exist."""
    for document in documents(root):
        text = _FENCE.sub("", document.read_text(encoding="utf-8"))
        for target in _LINK.findall(text):
            if re.match(r"[a-z]+:", target):
                continue  # links to other sites are not checked
            name, _, anchor = unquote(target).partition("#")
            path = (document.parent / name).resolve() if name else document
            document_name = document.relative_to(root)
            if not path.exists():
                yield f"{document_name}: {target} does not exist"
            elif anchor and path.suffix == ".md" and anchor not in _anchors(path):
                yield f"{document_name}: {target}: there is no such heading"


def _anchors(path: Path) -> set[str]:
    headings = _HEADING.findall(path.read_text(encoding="utf-8"))
    # GitHub derives the anchor of a heading from its text like this.
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}
