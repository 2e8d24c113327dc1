-- The caller's restriction of the inventory (p); a null parameter does not restrict.
{client_in_scope}
AND (%(platform)s::text IS NULL OR p.platform = %(platform)s)
AND (%(environment)s::text IS NULL OR p.environment = %(environment)s)
