"""The handover of a shift: one report from the shapes, as JSON, Markdown and an Atom feed."""
