-- The fingerprint of a failure of a pipeline (p) from its cause: the same for all that can be one incident. An error that
-- names no cause is no sign of one that is shared with another client.
left(md5(concat_ws(E'\n', p.platform, cause.masked, CASE WHEN cause.is_vague THEN p.client_id END)), 12)
