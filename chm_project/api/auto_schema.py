"""Generate the operations of the contract document (OpenAPI) from the views."""

import inspect
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from chm_project.api.filters import SEVERAL_VALUES
from chm_project.api.viewsets import FIELDS


class ApiAutoSchema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        """Add the query parameter `fields` to views that support it."""
        parameters: list[Any] = super().get_override_parameters()
        if self.method != "GET" or not getattr(self.view, "supports_fields", False):
            return parameters
        names = list(getattr(self.view, "serializer_class")().fields)  # noqa: B009  # an attribute of GenericAPIView
        description = f"Return only these fields. {SEVERAL_VALUES}"
        model = getattr(self.view, "serializer_class").Meta.model.__name__  # noqa: B009
        schema = {"type": "array", "items": {"type": "string", "enum": names, "x-enum-name": f"{model}Field"}}
        return [*parameters, OpenApiParameter(FIELDS, schema, description=description)]

    def _get_serializer_field_meta(self, field: Any, direction: str) -> dict[str, Any]:
        """If a model field has no help text, use the comment of its column as the description."""
        meta: dict[str, Any] = super()._get_serializer_field_meta(field, direction)  # type: ignore[no-untyped-call]
        model = getattr(getattr(field.parent, "Meta", None), "model", None)
        # The database, the API and the data model document then have the same text for each column.
        if model is not None and "description" not in meta:
            try:
                comment = model._meta.get_field(field.source).db_comment
            except (AttributeError, FieldDoesNotExist):
                comment = None
            if comment:
                meta["description"] = f"{comment}."
        return meta

    def get_description(self) -> str:  # type: ignore[override]  # has the type of drf-spectacular's method
        """Return the docstring of the method. Docstrings of classes are for readers of the code."""
        method = getattr(self.view, getattr(self.view, "action", None) or self.method.lower(), None)
        return inspect.getdoc(method) or ""
