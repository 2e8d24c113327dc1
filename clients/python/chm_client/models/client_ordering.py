from typing import Literal

ClientOrdering = Literal['-created_at', '-name', '-updated_at', 'created_at', 'name', 'updated_at']

CLIENT_ORDERING_VALUES: set[ClientOrdering] = { '-created_at', '-name', '-updated_at', 'created_at', 'name', 'updated_at',  }

def check_client_ordering(value: str) -> ClientOrdering:
    if value in CLIENT_ORDERING_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {CLIENT_ORDERING_VALUES!r}")
