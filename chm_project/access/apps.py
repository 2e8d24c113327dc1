from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class AccessConfig(AppConfig):
    name = "chm_project.access"
    label = "access"
    # The name of the group in the console's menu.
    verbose_name = "Access"

    def ready(self) -> None:
        from chm_project.access.login_limits import uncount_login

        user_logged_in.connect(uncount_login, dispatch_uid="uncount login")
