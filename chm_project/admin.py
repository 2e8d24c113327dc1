"""What the console shows otherwise than the apps do on their own: people, runs with a page of
their own, pipelines with their latest status, rules with their preview."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from alerting.models import AlertRule
from chm_project.access.models import ApiToken
from chm_project.console.pipelines import PipelineConsole
from chm_project.console.push_keys import offer_push_keys
from chm_project.console.rules import RuleConsole
from chm_project.console.run_page import RunConsole
from chm_project.console.tokens import TokenConsole
from inventory.bases import ModelAdmin
from inventory.models import Client, Pipeline
from runs.models import Run

admin.site.unregister([User, Group, Pipeline, Run, AlertRule])
admin.site.register(Pipeline, PipelineConsole)
admin.site.register(Run, RunConsole)
admin.site.register(AlertRule, RuleConsole)
admin.site.register(ApiToken, TokenConsole)
offer_push_keys(Client, Pipeline)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin[User]):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin[Group]):
    pass
