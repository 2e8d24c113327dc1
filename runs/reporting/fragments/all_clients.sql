-- Whether all clients are in the caller's scope.
%(client_id)s::uuid IS NULL
