-- Whether the client of a row (p) is in the caller's scope; client_id null means all clients.
(%(client_id)s::uuid IS NULL OR p.client_id = %(client_id)s::uuid)
