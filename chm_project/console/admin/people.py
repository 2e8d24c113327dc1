"""Users and roles: Django's models in Unfold's forms, with their bindings to clients."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from chm_project.access.models import Binding
from chm_project.access.permissions import manages_users
from chm_project.access.visibility import visibility_of
from chm_project.admin_kit.admin_bases import CheckboxSelectMultiple, ModelAdmin, TabularInline, display

admin.site.unregister([User, Group])

# Give Django's app and models the names in the console's menu.
apps.get_app_config("auth").verbose_name = "Access"
User._meta.verbose_name, User._meta.verbose_name_plural = "person", "people"
Group._meta.verbose_name, Group._meta.verbose_name_plural = "role", "roles"


class BindingInline(TabularInline[Binding, Any]):
    """The binding of a user or a group, edited by roles that manage users."""

    model = Binding
    fields = ("clients",)
    autocomplete_fields = ("clients",)
    extra = 1
    max_num = 1
    verbose_name_plural = "Sees only these clients"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return manages_users(request)

    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return manages_users(request)


class UnboundUsersOnlyMixin:
    """Refuse bound users, because they could create an account or group that sees more clients."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return not visibility_of(request).is_bound and bool(super().has_module_permission(request))  # type: ignore[misc]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not visibility_of(request).is_bound and bool(super().has_view_permission(request, obj))  # type: ignore[misc]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return not visibility_of(request).is_bound and bool(super().has_add_permission(request))  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not visibility_of(request).is_bound and bool(super().has_change_permission(request, obj))  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not visibility_of(request).is_bound and bool(super().has_delete_permission(request, obj))  # type: ignore[misc]


class RestrictedUserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]
    """Only superusers may change or delete superusers, and grant permissions to single users."""

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Let only superusers change superusers: a user who can set a superuser's password can get all permissions."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, "is_superuser", "user_permissions")


class NewPersonForm(UserCreationForm):  # type: ignore[misc]  # untyped
    """One form for a new user: name, e-mail address, roles and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["groups"].required = True
        self.fields["groups"].error_messages["required"] = "Choose at least one role: it decides what the person sees."


ROLES_HELP = (
    "viewer: reads clients, pipelines, runs and alert rules. analyst: also edits clients, pipelines and alert rules. "
    "operator: reads the same as a viewer, starts ingestion and makes API tokens that can push runs. "
    "administrator: all of this, and manages people. "
    "A person with several roles may do what any of them allows."
)


@admin.register(User)
class UserAdmin(UnboundUsersOnlyMixin, RestrictedUserAdmin, ModelAdmin[User]):
    form = UserChangeForm
    add_form = NewPersonForm
    change_password_form = AdminPasswordChangeForm
    # Django's template says that a second page with more fields follows; here all fields are on the first.
    add_form_template = None
    inlines = (BindingInline,)
    list_display = ("username", "email", "first_name", "last_name", "roles", "is_active")
    list_filter = ("groups", "is_active")
    search_help_text = "Username, name or e-mail address"
    filter_horizontal = ("user_permissions",)
    add_fieldsets = (
        ("Person", {"fields": ("username", "first_name", "last_name", "email", "groups")}),
        ("Password", {"fields": ("password1", "password2")}),
    )
    fieldsets = (
        ("Person", {"fields": ("username", "first_name", "last_name", "email", "groups", "is_active", "password")}),
        ("Superusers", {"classes": ("collapse",), "fields": ("is_superuser", "user_permissions")}),
        ("Record", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Exclude the accounts of API tokens; the page of API tokens lists them."""
        return super().get_queryset(request).filter(api_token=None).prefetch_related("groups")

    @display(description="roles")
    def roles(self, user: User) -> str:
        """Return the names of the user's roles. A superuser has all permissions, also without a role."""
        names = sorted(group.name for group in user.groups.all())
        return ", ".join(["superuser", *names] if user.is_superuser else names) or "–"

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != "groups":
            return super().formfield_for_manytomany(db_field, request, **kwargs)
        field = super().formfield_for_manytomany(db_field, request, **kwargs, widget=CheckboxSelectMultiple)
        if field is not None:
            field.label, field.help_text = "Roles", ROLES_HELP
        return field

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Remove the buttons that add or change roles."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "groups" and field is not None:
            for button in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
                setattr(field.widget, button, False)
        return field

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Set `is_staff` for a superuser and for a user who has a role with permissions; else clear it."""
        super().save_related(request, form, formsets, change)
        person: User = form.instance
        is_staff = person.is_superuser or person.groups.filter(permissions__isnull=False).exists()
        if person.is_staff != is_staff:
            person.is_staff = is_staff
            person.save(update_fields=["is_staff"])

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: str | None = None) -> HttpResponse:
        """Return to the list; Django would open a second page with more fields."""
        return ModelAdmin.response_add(self, request, obj, post_url_continue)

    def get_inlines(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Show no binding for superusers, who cannot be bound, and for an account that is not saved yet."""
        return [] if obj is None or obj.is_superuser else super().get_inlines(request, obj)


class RestrictedGroupAdmin(DjangoGroupAdmin):
    """Roles that manage users may create and bind groups. Setting the permissions of a group needs auth.change_group.

    No role of CHM has this permission, so by default only superusers have it.
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        return manages_users(request)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return manages_users(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if request.user.has_perm("auth.change_group"):
            return fields
        return (*fields, "permissions") if obj is None else (*fields, "name", "permissions")


@admin.register(Group)
class GroupAdmin(UnboundUsersOnlyMixin, RestrictedGroupAdmin, ModelAdmin[Group]):
    inlines = (BindingInline,)
