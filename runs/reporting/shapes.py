"""The registry of shapes: one .sql file each, in the folder reporting/shapes of an app."""

from chm_project.db.reporting.files import USUAL_REACH, Column, Shape, reach_of, shapes

__all__ = ["USUAL_REACH", "Column", "Shape", "reach_of", "shapes"]
