-- Whether all kinds of pipelines are in the caller's scope. A kind is a platform and an environment.
(%(platform)s::text IS NULL AND %(environment)s::text IS NULL)
