-- All clients, including disabled ones.
--   client_id         Key of the client
--   client_name       Name of the client, unique
--   client_is_active  False: the client is disabled, and its history is kept
--   created_at        When CHM stored the client
SELECT id AS client_id, name AS client_name, is_active AS client_is_active, created_at
FROM clients
