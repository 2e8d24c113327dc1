"""The definitions of all published numbers: the views of the schema `reporting`, and shapes, which read these views."""
