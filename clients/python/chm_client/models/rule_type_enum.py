from typing import Literal

RuleTypeEnum = Literal['failures_in_window', 'on_failure']

RULE_TYPE_ENUM_VALUES: set[RuleTypeEnum] = { 'failures_in_window', 'on_failure',  }

def check_rule_type_enum(value: str) -> RuleTypeEnum:
    if value in RULE_TYPE_ENUM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RULE_TYPE_ENUM_VALUES!r}")
