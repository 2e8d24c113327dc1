-- What the caller restricts the inventory (p) to; a parameter that is null does not restrict.
(%(client_id)s::uuid IS NULL OR p.client_id = %(client_id)s::uuid)
AND (%(platform)s::text IS NULL OR p.platform = %(platform)s)
AND (%(environment)s::text IS NULL OR p.environment = %(environment)s)
