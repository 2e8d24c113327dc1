-- Whether the caller does not restrict the inventory to clients.
%(client_id)s::uuid IS NULL
