-- Whether the caller includes all platforms and all environments.
(%(platform)s::text IS NULL AND %(environment)s::text IS NULL)
