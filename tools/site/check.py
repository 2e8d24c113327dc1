"""Check that all local links of the built site exist, and that no page loads files from another host."""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SITE = Path(".chm/site")
# A browser loads these elements when it opens the page. The value is the attribute that contains the address.
ADDRESS_ATTRIBUTES = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
# The browser does not load a <link> with one of these relations.
NOT_LOADED_RELATIONS = {"canonical", "prev", "next", "alternate", "edit"}


class AddressParser(HTMLParser):
    """A parser that collects the URLs of a page.

    `addresses` has pairs: a URL, and whether the browser loads this URL when it opens the page.
    """

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        value_by_name = dict(attrs)
        if tag in ADDRESS_ATTRIBUTES and (address := value_by_name.get(ADDRESS_ATTRIBUTES[tag])):
            relations = set((value_by_name.get("rel") or "").split())
            self.addresses.append((address, not relations & NOT_LOADED_RELATIONS))
        elif tag == "a" and (address := value_by_name.get("href")):
            self.addresses.append((address, False))


def problems(site: Path = SITE) -> Iterator[str]:
    """Yield a line for each broken local address and each resource of another host."""
    for page in sorted(site.rglob("*.html")):
        parser = AddressParser()
        parser.feed(page.read_text(encoding="utf-8"))
        for address, is_loaded in parser.addresses:
            parts = urlsplit(address)
            if parts.scheme in {"http", "https"} or parts.netloc:
                if is_loaded:
                    yield f"{page.relative_to(site)}: loads {address}"
            # Skip 404.html: its addresses are absolute, because a server sends this page for any missing path.
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
