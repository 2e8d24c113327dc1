"""Preview when a rule would have fired over the last 30 days, as a drawing and text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.safestring import SafeString

from alerting.evaluate import Span
from alerting.models import AlertRule
from alerting.services import previews
from chm_project.console.drawing.charts import spans
from chm_project.console.drawing.text_format import duration, utc

OVER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Preview:
    rule: AlertRule
    holds: list[Span]
    seconds: float
    drawing: SafeString
    since: datetime
    until: datetime

    @property
    def holds_now(self) -> bool:
        return bool(self.holds) and self.holds[-1].until == self.until


def previews_of(rules: Sequence[AlertRule], as_of: datetime) -> list[Preview]:
    since = as_of - OVER
    held = previews(rules, since=since, until=as_of)
    return [_drawn(rule, held[rule.pk], since, as_of) for rule in rules]


def _drawn(rule: AlertRule, held: list[Span], since: datetime, as_of: datetime) -> Preview:
    labelled = [
        (span.since, span.until, f"{utc(span.since)} for {duration((span.until - span.since).total_seconds())}")
        for span in held
    ]
    label = f"When the rule would have fired in 30 days; number of times: {len(held)}"
    return Preview(
        rule,
        held,
        sum((span.until - span.since).total_seconds() for span in held),
        spans(labelled, since=since, until=as_of, label=label),
        since,
        as_of,
    )
