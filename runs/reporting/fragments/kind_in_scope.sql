-- Whether platform and environment of a row (p) are in the caller's scope; null means all.
(%(platform)s::text IS NULL OR p.platform = %(platform)s)
AND (%(environment)s::text IS NULL OR p.environment = %(environment)s)
