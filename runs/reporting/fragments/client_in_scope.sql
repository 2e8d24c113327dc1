-- Whether the client of a row (p) is in the caller's scope. If the parameter client_id is null, all clients are.
(%(client_id)s::uuid IS NULL OR p.client_id = %(client_id)s::uuid)
