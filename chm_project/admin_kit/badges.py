"""The badge of a state in the console: a glyph, a label and a colour."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

# The glyph of each style of badge. A style is the status of a run, or "warning" or "none" for other states. console.css
# has the colours.
GLYPHS = {"running": "▷", "success": "✓", "failed": "✕", "canceled": "–", "skipped": "•", "warning": "!", "none": "○"}


def badge(style: str, label: str) -> SafeString:
    """Return the badge. The glyph is hidden from screen readers, so they read only the label."""
    return format_html(
        '<span class="chm-badge chm-{}"><span aria-hidden="true">{}</span> {}</span>', style, GLYPHS[style], label
    )


def status_badge(status: str | None) -> SafeString:
    """Return the badge of a run's status; "none yet" for a status of None, which means that there is no run."""
    return badge(status, status) if status else badge("none", "none yet")
