from typing import TYPE_CHECKING, Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

if TYPE_CHECKING:
    _UnfoldForm = AdminAuthenticationForm
else:
    from unfold.forms import AuthenticationForm as _UnfoldForm


class LoginForm(_UnfoldForm):
    """The console's login form; its messages distinguish a wrong password from a missing role."""

    error_messages = {
        "invalid_login": "The user name or the password is not correct. Both are case-sensitive.",
        "too_many": "Too many logins to this account, or from your address, have failed. Try again later.",
        "no_role": "This person has no role in the console. Ask the administrator of CHM for one.",
    }

    def get_invalid_login_error(self) -> ValidationError:
        if getattr(self.request, "login_limit_exceeded", False):
            return ValidationError(self.error_messages["too_many"], code="too_many")
        return super().get_invalid_login_error()

    def confirm_login_allowed(self, user: Any) -> None:
        if not user.is_staff:
            raise ValidationError(self.error_messages["no_role"], code="no_role")
