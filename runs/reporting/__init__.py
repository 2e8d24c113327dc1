"""Every number of CHM, defined once: views of the schema `reporting`, and the shapes that read only these."""
