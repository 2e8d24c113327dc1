from typing import Literal

RuleType = Literal['failures_in_window', 'on_failure']

RULE_TYPE_VALUES: set[RuleType] = { 'failures_in_window', 'on_failure',  }

def check_rule_type(value: str) -> RuleType:
    if value in RULE_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RULE_TYPE_VALUES!r}")
