"""The contract document under other programs: linters, a comparison with the last release, generated clients."""
