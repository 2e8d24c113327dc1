"""What the console shows otherwise than the apps do on their own: people, and pipelines with their latest status."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from chm_project.access.models import ApiToken
from chm_project.console.pipelines import PipelineConsole
from chm_project.console.tokens import TokenConsole
from inventory.bases import ModelAdmin
from inventory.models import Pipeline

admin.site.unregister(User)
admin.site.unregister(Group)
admin.site.unregister(Pipeline)
admin.site.register(Pipeline, PipelineConsole)
admin.site.register(ApiToken, TokenConsole)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin[User]):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin[Group]):
    pass
