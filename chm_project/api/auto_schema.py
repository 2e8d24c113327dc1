"""How views become operations of the contract document."""

import inspect
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from chm_project.api.filters import SEVERAL
from chm_project.api.viewsets import FIELDS


class ApiAutoSchema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        """Add `fields` where an answer can be cut to chosen fields."""
        parameters: list[Any] = super().get_override_parameters()
        if self.method != "GET" or not getattr(self.view, "is_sparse", False):
            return parameters
        names = list(getattr(self.view, "serializer_class")().fields)  # noqa: B009  # a generic view's
        description = f"Answer with these fields only. {SEVERAL}"
        model = getattr(self.view, "serializer_class").Meta.model.__name__  # noqa: B009
        schema = {"type": "array", "items": {"type": "string", "enum": names, "x-enum-name": f"{model}Field"}}
        return [*parameters, OpenApiParameter(FIELDS, schema, description=description)]

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular's own
        """Return the docstring of the method, never that of the class, which is for readers of the code."""
        method = getattr(self.view, getattr(self.view, "action", None) or self.method.lower(), None)
        return inspect.getdoc(method) or ""
