"""The WSGI application for web servers."""

import os

from django.core.wsgi import get_wsgi_application

from chm_project.db import time_limits

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
# The default limits for SQL statements of this process. A middleware sets the limits of each request.
time_limits.limit_process(time_limits.API)

application = get_wsgi_application()
