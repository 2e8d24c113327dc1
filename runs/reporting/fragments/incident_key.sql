-- The fingerprint of a failure of a pipeline (p), which is the same for all failures that can be one incident. A vague
-- cause has another fingerprint for each client.
left(md5(concat_ws(E'\n', p.platform, cause.masked, CASE WHEN cause.is_vague THEN p.client_id END)), 12)
