"""Check the contract document: linters, a comparison with the last release, generated clients."""
