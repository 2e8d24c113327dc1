"""The API under a fuzzer: `make fuzz`."""
