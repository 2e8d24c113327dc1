-- What the caller restricts the inventory (p) to; a parameter that is null does not restrict.
{client_in_scope}
AND (%(platform)s::text IS NULL OR p.platform = %(platform)s)
AND (%(environment)s::text IS NULL OR p.environment = %(environment)s)
