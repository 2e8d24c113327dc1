-- The fingerprint of a failure of a pipeline (p). All failures that can belong to one incident have the same
-- fingerprint. For a vague cause, the fingerprint differs between clients.
left(md5(concat_ws(E'\n', p.platform, cause.masked, CASE WHEN cause.is_vague THEN p.client_id END)), 12)
