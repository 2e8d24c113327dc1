-- Whether the failure of a pipeline (p) is known. A user has marked the failure, and since then no run has succeeded or
-- has failed with another cause. `failed` is the latest decisive run, `cause.masked` its masked error. `former` is the
-- run that the user marked. Decision 0029 has a table of all cases.
(
    p.known_reason IS NOT NULL AND p.known_since <= %(as_of)s::timestamptz
    AND (p.known_until IS NULL OR p.known_until > %(as_of)s::timestamptz)
    AND p.known_fingerprint = {incident_key}
    AND NOT EXISTS (
        SELECT
        FROM reporting.runs AS r
        LEFT JOIN reporting.runs AS former ON former.run_id = p.known_run_id
        WHERE r.pipeline_id = p.pipeline_id AND {decisive}
            AND CASE
                -- The marked run has been pruned, so compare times.
                WHEN former.run_id IS NULL THEN r.event_at > p.known_since
                ELSE r.run_id = former.run_id OR {later_than_former}
            END
            AND (
                r.status = 'success'
                OR (r.error_message, r.status_reason) IS DISTINCT FROM (failed.error_message, failed.status_reason)
                AND {masked_error} <> cause.masked
            )
    )
)
