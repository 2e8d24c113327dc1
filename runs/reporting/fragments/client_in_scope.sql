-- The clients (p) that the caller restricts the inventory to; null does not restrict.
(%(client_id)s::uuid IS NULL OR p.client_id = %(client_id)s::uuid)
