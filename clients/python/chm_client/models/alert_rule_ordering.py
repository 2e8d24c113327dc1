from typing import Literal

AlertRuleOrdering = Literal['-created_at', '-id', '-updated_at', 'created_at', 'id', 'updated_at']

ALERT_RULE_ORDERING_VALUES: set[AlertRuleOrdering] = { '-created_at', '-id', '-updated_at', 'created_at', 'id', 'updated_at',  }

def check_alert_rule_ordering(value: str) -> AlertRuleOrdering:
    if value in ALERT_RULE_ORDERING_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ALERT_RULE_ORDERING_VALUES!r}")
