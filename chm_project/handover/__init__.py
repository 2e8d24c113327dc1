"""What the next shift must know: one report from the shapes, as JSON, as Markdown, and as an Atom feed."""
