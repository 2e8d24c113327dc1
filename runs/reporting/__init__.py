"""Definitions of all numbers: views of the schema `reporting`, and shapes that read only these."""
