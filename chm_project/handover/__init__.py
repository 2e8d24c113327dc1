"""The handover of a shift: one report, as JSON and Markdown, and an Atom feed of its incidents."""
