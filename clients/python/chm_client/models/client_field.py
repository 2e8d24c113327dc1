from typing import Literal

ClientField = Literal['created_at', 'id', 'is_active', 'name', 'updated_at']

CLIENT_FIELD_VALUES: set[ClientField] = { 'created_at', 'id', 'is_active', 'name', 'updated_at',  }

def check_client_field(value: str) -> ClientField:
    if value in CLIENT_FIELD_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {CLIENT_FIELD_VALUES!r}")
