-- Whether the caller includes all clients.
%(client_id)s::uuid IS NULL
