-- True if the caller restricts the inventory neither to a platform nor to an environment.
(%(platform)s::text IS NULL AND %(environment)s::text IS NULL)
