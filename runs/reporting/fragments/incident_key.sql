-- The fingerprint of a failure of a pipeline (p) with a masked error (cause.masked): the same for all that can be one
-- incident. What names no cause is no sign of one that is shared with another client.
left(md5(concat_ws(E'\n', p.platform, cause.masked, CASE WHEN {vague_cause} THEN p.client_id END)), 12)
