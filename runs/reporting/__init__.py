"""The definitions of all published numbers: the views of the schema `reporting`, and the shapes that read the views."""
