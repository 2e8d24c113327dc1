-- Whether the client of a row (p) is in the caller's scope. The row can be from any view with a client_id, such as
-- pipelines, clients or counts. If the parameter client_id is null, all clients are in scope.
(%(client_id)s::uuid IS NULL OR p.client_id = %(client_id)s::uuid)
