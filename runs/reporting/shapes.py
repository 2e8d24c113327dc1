"""The registry of shapes: one .sql file each, in the folder reporting/shapes of the app that has its subject."""

from chm_project.db.reporting.files import Column, Shape, shapes

__all__ = ["Column", "Shape", "shapes"]
