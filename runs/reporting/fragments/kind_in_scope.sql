-- Whether the kind of a row (p), its platform and environment, is in the caller's scope. A parameter that is null
-- includes all values.
(%(platform)s::text IS NULL OR p.platform = %(platform)s)
AND (%(environment)s::text IS NULL OR p.environment = %(environment)s)
