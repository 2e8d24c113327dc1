from typing import Literal

Environment = Literal['dev', 'prod', 'staging']

ENVIRONMENT_VALUES: set[Environment] = { 'dev', 'prod', 'staging',  }

def check_environment(value: str) -> Environment:
    if value in ENVIRONMENT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ENVIRONMENT_VALUES!r}")
