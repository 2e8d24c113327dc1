"""The badge of a state, the same everywhere in the console: glyph, word and colour, none of them needed alone."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

# By the kind of a badge, which is a run's status or names what looks like one. console.css has a colour for each.
GLYPHS = {"running": "▷", "success": "✓", "failed": "✕", "canceled": "–", "skipped": "•", "warning": "!", "none": "○"}


def badge(kind: str, word: str) -> SafeString:
    """Return the badge; the glyph is hidden from screen readers, which read the word."""
    return format_html(
        '<span class="chm-badge chm-{}"><span aria-hidden="true">{}</span> {}</span>', kind, GLYPHS[kind], word
    )


def status_badge(status: str | None) -> SafeString:
    """Return the badge of a run's status; None means that there is no run yet."""
    return badge(status, status) if status else badge("none", "none yet")
