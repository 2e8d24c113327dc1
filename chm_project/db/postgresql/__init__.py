"""Django's PostgreSQL backend with a time limit for every wait."""
