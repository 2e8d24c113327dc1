"""The badge of a state in the console: glyph, word and colour."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

# Glyph by kind: a run's status, or a state that looks like one. console.css has the colours.
GLYPHS = {"running": "▷", "success": "✓", "failed": "✕", "canceled": "–", "skipped": "•", "warning": "!", "none": "○"}


def badge(kind: str, word: str) -> SafeString:
    """Return the badge; the glyph is hidden from screen readers, which read the word."""
    return format_html(
        '<span class="chm-badge chm-{}"><span aria-hidden="true">{}</span> {}</span>', kind, GLYPHS[kind], word
    )


def status_badge(status: str | None) -> SafeString:
    """Return the badge of a run's status; None for no run."""
    return badge(status, status) if status else badge("none", "none yet")
