-- The platform and environment (p) that the caller restricts the inventory to; null does not restrict.
(%(platform)s::text IS NULL OR p.platform = %(platform)s)
AND (%(environment)s::text IS NULL OR p.environment = %(environment)s)
