"""What keeps CHM running can be asked: readiness, metrics, beat's own life."""
