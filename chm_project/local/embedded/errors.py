class EmbeddedServersUnavailable(Exception):
    """The embedded servers cannot run here; the message says what to do instead."""
