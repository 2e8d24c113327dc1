"""Django's PostgreSQL backend with a limit for every wait."""
