from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """Django's admin, with CHM's site in place of the default one."""

    default_site = "chm_project.admin_kit.site.ConsoleSite"
