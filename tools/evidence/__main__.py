"""python -m tools.evidence: generate pages of docs/, check links, and run the commands of documents and milestones."""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tools.evidence import links, requirements


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    pages_parser = commands.add_parser("pages", help="write the generated pages, or check that they are current")
    pages_parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is not up to date")
    commands.add_parser("links", help="check the links between documents")
    milestones_parser = commands.add_parser("milestones", help="run each milestone's commands and write their output")
    milestones_parser.add_argument(
        "--only", default="", help="run only milestones whose title contains this text, and write nothing"
    )
    documents_parser = commands.add_parser(
        "documents", help="run the commands of README and quickstart in a fresh clone"
    )
    documents_parser.add_argument("--list", action="store_true", help="only list the commands")
    options = parser.parse_args()
    # Import the other modules only here: they need Django, and the check of links must also work without Django.
    match options.command:
        case "pages":
            sys.exit(_pages(check=options.check))
        case "links":
            sys.exit(_print_problems(links.problems()))
        case "milestones":
            from tools.evidence import milestones

            sys.exit(milestones.run(options.only))
        case "documents":
            from tools.evidence import documents

            sys.exit(documents.run(only_list=options.list))


def _pages(*, check: bool) -> int:
    from tools.evidence import errors_page, settings_page

    pages: dict[Path, Callable[[], str]] = {
        requirements.PAGE: requirements.page,
        settings_page.PAGE: settings_page.page,
        errors_page.PAGE: errors_page.page,
    }
    outdated_messages = []
    for path, generate_page in pages.items():
        if check and (not path.exists() or path.read_text(encoding="utf-8") != generate_page()):
            outdated_messages.append(f"{path.relative_to(requirements.ROOT)} is not up to date: run make docs")
        elif not check:
            path.write_text(generate_page(), encoding="utf-8")
    # An error in the source of a page usually makes the page outdated too. Then report only the error.
    source_problems = [*requirements.problems(), *settings_page.problems()]
    return _print_problems(source_problems or outdated_messages)


def _print_problems(problems: Iterable[str]) -> int:
    count = 0
    for problem in problems:
        print(problem, file=sys.stderr)
        count += 1
    return min(count, 1)


if __name__ == "__main__":
    main()
