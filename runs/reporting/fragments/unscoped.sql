-- Whether the caller does not restrict the inventory.
(%(client_id)s::uuid IS NULL AND %(platform)s::text IS NULL AND %(environment)s::text IS NULL)
