"""Fuzz the API with schemathesis: `make fuzz`."""
