"""The documents as a site: MkDocs hooks and a check of what was built."""
