-- Question   Which pipelines can appear in the sections of the board?
-- Grain      one row with three lists of pipelines: those that fail, those of them whose failure is marked as known,
--            and those whose latest decisive run has another status than at `since`
-- Inventory  active
-- Parameters as_of, state_at (runs count in the state that they had then), since; client_id, platform, environment:
--            null does not restrict
SELECT
    coalesce(array_agg(p.pipeline_id) FILTER (WHERE p.status = 'failed'), '{}') AS failing,
    coalesce(array_agg(p.pipeline_id) FILTER (WHERE p.status = 'failed' AND p.known_reason IS NOT NULL), '{}') AS marked,
    coalesce(array_agg(p.pipeline_id) FILTER (
        -- settled_at is the time from which the run has its status. Without a run after `since`, nothing has changed.
        WHERE CASE
            WHEN p.settled_at > %(since)s
                THEN p.status IS DISTINCT FROM (SELECT before.status FROM {decisive_run@since} AS before)
        END
    ), '{}') AS changed
FROM (
    SELECT p.pipeline_id, p.known_reason, decisive.status, decisive.settled_at
    FROM reporting.pipelines AS p
    CROSS JOIN {decisive_run} AS decisive
    WHERE p.is_active AND {in_scope}
) AS p
