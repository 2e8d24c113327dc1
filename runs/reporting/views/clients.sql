-- All clients, including disabled ones.
--   client_id         Key of the client
--   client_name       Its unique name
--   client_is_active  False: disabled, history kept
--   created_at        When CHM stored it
SELECT id AS client_id, name AS client_name, is_active AS client_is_active, created_at
FROM clients
