"""The handover of a shift to the next one: a report as JSON and Markdown. Also an Atom feed of current incidents."""
