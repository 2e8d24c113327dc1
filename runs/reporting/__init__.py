"""The definitions of all numbers: the views of the schema `reporting`, and shapes, which read only these views."""
