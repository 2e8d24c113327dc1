"""The shapes. Each shape is a .sql file in the folder reporting/shapes of an app."""

from chm_project.db.reporting.files import DEFAULT_WINDOW, Column, Shape, default_window, shapes

__all__ = ["DEFAULT_WINDOW", "Column", "Shape", "default_window", "shapes"]
