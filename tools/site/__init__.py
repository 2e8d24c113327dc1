"""Hooks of MkDocs, which builds the documents as a site, and a check of the built site."""
