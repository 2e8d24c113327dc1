"""Preview when a rule would have fired over the last 30 days, as a drawing and text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.safestring import SafeString

from alerting.evaluate import Span
from alerting.models import AlertRule
from alerting.services import previews
from chm_project.console.drawing.charts import draw_spans
from chm_project.console.drawing.text_format import duration, utc_text

PREVIEW_PERIOD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Preview:
    """The past periods in which a rule would have fired."""

    rule: AlertRule
    firings: list[Span]
    firing_seconds: float
    drawing: SafeString
    since: datetime
    until: datetime

    @property
    def fires_now(self) -> bool:
        return bool(self.firings) and self.firings[-1].until == self.until


def previews_of(rules: Sequence[AlertRule], as_of: datetime) -> list[Preview]:
    since = as_of - PREVIEW_PERIOD
    firings = previews(rules, since=since, until=as_of)
    return [_draw(rule, firings[rule.pk], since, as_of) for rule in rules]


def _draw(rule: AlertRule, firings: list[Span], since: datetime, as_of: datetime) -> Preview:
    labelled_periods = [
        (span.since, span.until, f"{utc_text(span.since)} for {duration((span.until - span.since).total_seconds())}")
        for span in firings
    ]
    label = f"When the rule would have fired in 30 days; number of times: {len(firings)}"
    return Preview(
        rule,
        firings,
        sum((span.until - span.since).total_seconds() for span in firings),
        draw_spans(labelled_periods, since=since, until=as_of, label=label),
        since,
        as_of,
    )
