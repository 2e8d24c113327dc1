"""The WSGI application for web servers."""

import os

from django.core.wsgi import get_wsgi_application

from chm_project.content_types import ContentTypeMiddleware
from chm_project.db import time_limits

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
# The time limits of SQL statements outside requests. During a request, LimitsMiddleware sets the limits.
time_limits.limit_process(time_limits.API)

application = ContentTypeMiddleware(get_wsgi_application())
