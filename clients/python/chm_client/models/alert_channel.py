from typing import Literal

AlertChannel = Literal['email', 'slack', 'webhook']

ALERT_CHANNEL_VALUES: set[AlertChannel] = { 'email', 'slack', 'webhook',  }

def check_alert_channel(value: str) -> AlertChannel:
    if value in ALERT_CHANNEL_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ALERT_CHANNEL_VALUES!r}")
