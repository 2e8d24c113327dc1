-- The fingerprint of a failure of a pipeline (p) from its cause: the same for all failures that can be one incident. An
-- error without a cause is not shared with other clients.
left(md5(concat_ws(E'\n', p.platform, cause.masked, CASE WHEN cause.is_vague THEN p.client_id END)), 12)
