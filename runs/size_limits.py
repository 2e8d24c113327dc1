"""Cut texts and payloads of runs to their size limits. record_runs does this after scrubbing.

The same content always gives the same result. So if a source sends a long text again, the run stays unchanged.
"""

import json

# A source once sent 15 MB of log as an error text.
MAX_TEXT_BYTES = 64 * 1024
MAX_PAYLOAD_BYTES = 256 * 1024
CUT_KEY = "[cut]"
_MAX_REMOVED_NAMES_BYTES = 1024


def text_within_limit(value: str) -> str:
    """Return the text. Cut a text of more than MAX_TEXT_BYTES in UTF-8, and add a note with its original size."""
    # A character has at most four bytes. So a short text fits without counting its bytes.
    if len(value) * 4 <= MAX_TEXT_BYTES:
        return value
    encoded = value.encode()
    if len(encoded) <= MAX_TEXT_BYTES:
        return value
    note = f"… [cut: {len(encoded):,} bytes originally]"
    beginning = encoded[: MAX_TEXT_BYTES - len(note.encode())]
    return beginning.decode(errors="ignore") + note


def payload_within_limit(payload_json: str) -> str:
    """Return the JSON text of an object. If it is longer than MAX_PAYLOAD_BYTES, remove the largest fields.

    The field CUT_KEY then contains the original size of the payload and the names of the removed fields.
    """
    if len(payload_json) * 4 <= MAX_PAYLOAD_BYTES or (size := len(payload_json.encode())) <= MAX_PAYLOAD_BYTES:
        return payload_json
    fields = {name: (value, len(_to_json({name: value}).encode())) for name, value in json.loads(payload_json).items()}
    # Leave space for the note.
    free_bytes = MAX_PAYLOAD_BYTES - 2 * _MAX_REMOVED_NAMES_BYTES
    kept_names = set()
    # Keep the smallest fields first, so that as many fields as possible stay.
    for name, (_, size_of_field) in sorted(fields.items(), key=lambda field: (field[1][1], field[0])):
        free_bytes -= size_of_field
        if free_bytes < 0:
            break
        kept_names.add(name)
    removed = ", ".join(name for name in sorted(fields) if name not in kept_names)
    if len(removed.encode()) > _MAX_REMOVED_NAMES_BYTES:
        removed = removed.encode()[:_MAX_REMOVED_NAMES_BYTES].decode(errors="ignore") + "…"
    note = f"{size:,} bytes originally; left out: {removed}"
    return _to_json({name: value for name, (value, _) in fields.items() if name in kept_names} | {CUT_KEY: note})


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
