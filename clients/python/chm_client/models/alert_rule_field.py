from typing import Literal

AlertRuleField = Literal['channel', 'client_id', 'created_at', 'destination', 'id', 'include_known', 'is_enabled', 'pipeline_id', 'rule_type', 'threshold', 'updated_at', 'window_minutes']

ALERT_RULE_FIELD_VALUES: set[AlertRuleField] = { 'channel', 'client_id', 'created_at', 'destination', 'id', 'include_known', 'is_enabled', 'pipeline_id', 'rule_type', 'threshold', 'updated_at', 'window_minutes',  }

def check_alert_rule_field(value: str) -> AlertRuleField:
    if value in ALERT_RULE_FIELD_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ALERT_RULE_FIELD_VALUES!r}")
