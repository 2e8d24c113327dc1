"""Check the built site: every local address exists, and no page loads anything from another host."""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SITE = Path(".chm/site")
# Elements of these kinds are loaded with the page; a link (a) is only followed.
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
# A <link> with one of these relations describes the page and loads nothing.
NOT_LOADED = {"canonical", "prev", "next", "alternate", "edit"}


class Addresses(HTMLParser):
    """Collect (address, whether it is loaded with the page) of one page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in LOADED and (address := values.get(LOADED[tag])):
            related = set((values.get("rel") or "").split())
            self.addresses.append((address, not related & NOT_LOADED))
        elif tag == "a" and (address := values.get("href")):
            self.addresses.append((address, False))


def problems(site: Path = SITE) -> Iterator[str]:
    """Yield a line for each broken local address and each resource of another host."""
    for page in sorted(site.rglob("*.html")):
        parser = Addresses()
        parser.feed(page.read_text(encoding="utf-8"))
        for address, loaded in parser.addresses:
            parts = urlsplit(address)
            if parts.scheme in {"http", "https"} or parts.netloc:
                if loaded:
                    yield f"{page.relative_to(site)}: loads {address}"
            # 404.html has absolute addresses, because a server sends it for any path.
            elif not parts.scheme and parts.path and page.name != "404.html":
                target = (page.parent / unquote(parts.path)).resolve()
                if not (target.exists() or (target / "index.html").exists()):
                    yield f"{page.relative_to(site)}: {address} does not exist"


def main() -> int:
    pages = len(list(SITE.rglob("*.html")))
    faults = list(problems())
    sys.stdout.write("".join(f"{line}\n" for line in faults))
    sys.stdout.write(f"{pages} pages, {len(faults)} problems\n")
    return 1 if faults or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
