from typing import Literal

ErrorCodeName = Literal['conflict', 'forbidden', 'internal_error', 'method_not_allowed', 'not_acceptable', 'not_found', 'precondition_failed', 'rate_limited', 'request_timeout', 'timeout', 'unauthorized', 'unavailable', 'unsupported_media_type', 'validation_error']

ERROR_CODE_NAME_VALUES: set[ErrorCodeName] = { 'conflict', 'forbidden', 'internal_error', 'method_not_allowed', 'not_acceptable', 'not_found', 'precondition_failed', 'rate_limited', 'request_timeout', 'timeout', 'unauthorized', 'unavailable', 'unsupported_media_type', 'validation_error',  }

def check_error_code_name(value: str) -> ErrorCodeName:
    if value in ERROR_CODE_NAME_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ERROR_CODE_NAME_VALUES!r}")
