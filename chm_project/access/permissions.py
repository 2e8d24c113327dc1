"""Check permissions: a token needs a scope, and a user needs a permission of a role.

A view declares what it requires with these attributes. All are optional.

    required_scope      the scope that a token needs; default: read for GET, HEAD and OPTIONS, else write
    queryset            a user needs the view, add, change or delete permission of its model
    method_permissions  replaces the verb for a method: {"DELETE": "change"} if DELETE only disables the object
    permission          one full permission name, for views without a model
"""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from chm_project.access.models import ApiToken, Scope

if TYPE_CHECKING:
    from rest_framework.views import APIView

# The verbs of Django's permission names.
_VERBS = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}


class ScopedPermission(BasePermission):
    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not request.user.is_authenticated:
            return False
        if isinstance(request.auth, ApiToken):
            needed = required_scope(request, view)
            if request.auth.grants(needed):
                return True
            self.message = f"This token has the scope {request.auth.scope}; this request needs the scope {needed}."
            return False
        permission = required_permission(request, view)
        self.message = f"Your roles do not allow this; it needs the permission {permission}. Ask an administrator."
        return permission is not None and request.user.has_perm(permission)


def manages_users(request: HttpRequest) -> bool:
    """Return whether the user may assign roles. Such users may also bind users to clients and give tokens any scope."""
    return bool(request.user.has_perm("auth.change_user"))


def required_scope(request: Request, view: Any) -> str:
    default = Scope.READ if request.method in SAFE_METHODS else Scope.WRITE
    return str(getattr(view, "required_scope", None) or default)


def required_permission(request: Request, view: Any) -> str | None:
    """Return the permission that a user needs. Return None (always denied) without `permission` and `queryset`."""
    if permission := getattr(view, "permission", None):
        return str(permission)
    if (queryset := getattr(view, "queryset", None)) is None:
        return None
    meta = queryset.model._meta
    method = request.method or ""
    verb = "view" if method in SAFE_METHODS else getattr(view, "method_permissions", {}).get(method, _VERBS[method])
    return f"{meta.app_label}.{verb}_{meta.model_name}"
