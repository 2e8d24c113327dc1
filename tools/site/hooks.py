"""Hooks of MkDocs. They replace links to source files by file names, and add files to the site.

The files are Mermaid, the Markdown files, and llms.txt, an index of the site for language models.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_CODE_BLOCK_START = re.compile(r"^```(sh|toml|http|json|yaml) [^\n]+$", re.MULTILINE)


MERMAID = Path(".chm/site-tools/node_modules/mermaid/dist/mermaid.min.js")


def on_config(config: Any) -> Any:
    """Let pages load Mermaid from the site, if `make site` has installed it.

    Without this hook, the theme loads Mermaid from another host.
    """
    if MERMAID.exists():
        config["extra_javascript"].insert(0, "mermaid.min.js")
    return config


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_options: Any) -> str:
    """Replace each link to a file outside docs/ by the name of the file, because the site contains only docs/."""
    folder = (Path(config["docs_dir"]) / page.file.src_uri).parent
    docs = Path(config["docs_dir"]).resolve()

    def replace_link(match: re.Match[str]) -> str:
        image_mark, text, target = match.groups()
        if image_mark or re.match(r"[a-z]+:|#", target):
            return match[0]
        path = (folder / target.partition("#")[0]).resolve()
        if path.is_relative_to(docs):
            return match[0]
        name = path.relative_to(docs.parent).as_posix()
        return text if text.startswith("`") or text == name else f"{text} (`{name}`)"

    # Remove the text after the language of a code block. Only the tests that run the block read this text.
    return _CODE_BLOCK_START.sub(r"```\1", _LINK.sub(replace_link, markdown))


def on_nav(nav: Any, *, config: Any, **_options: Any) -> Any:
    """Store the sections of the navigation, with their pages. on_post_build() writes them to llms.txt."""
    config["extra"]["sections"] = [
        (item.title, list(_pages(item))) for item in nav.items if getattr(item, "children", None)
    ]
    return nav


def _pages(item: Any) -> Iterator[Any]:
    for child in item.children or ():
        yield from _pages(child) if child.children else [child]


def _llms_text(config: Any) -> str:
    lines = [f"# {config['site_name']}", "", f"> {config['site_description']}"]
    for title, pages in config["extra"]["sections"]:
        lines += ["", f"## {title}", ""]
        lines += [f"- [{page.title}]({page.file.src_uri})" for page in pages]
    return "\n".join(lines) + "\n"


def on_post_build(*, config: Any) -> None:
    """Write llms.txt, and copy Mermaid and each page's Markdown to the site."""
    docs, site = Path(config["docs_dir"]), Path(config["site_dir"])
    (site / "llms.txt").write_text(_llms_text(config), encoding="utf-8")
    if MERMAID.exists():
        shutil.copyfile(MERMAID, site / "mermaid.min.js")
    for source in docs.rglob("*.md"):
        target = site / source.relative_to(docs)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
