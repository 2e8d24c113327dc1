-- Whether the caller does not restrict the inventory to a platform or an environment.
(%(platform)s::text IS NULL AND %(environment)s::text IS NULL)
