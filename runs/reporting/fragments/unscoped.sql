-- Whether the caller restricts nothing.
(%(client_id)s::uuid IS NULL AND %(platform)s::text IS NULL AND %(environment)s::text IS NULL)
