-- True if the caller does not restrict the inventory to some clients.
%(client_id)s::uuid IS NULL
