-- Question    Which runs of these pipelines failed in a window?
-- Grain       one row per failed run
-- Columns     event_at
-- Parameters  pipeline_id or client_id, since, until
SELECT r.event_at
FROM reporting.runs AS r
JOIN reporting.pipelines AS p USING (pipeline_id)
WHERE r.status = 'failed' AND r.event_at > %(since)s AND r.event_at < %(until)s
    AND p.is_active AND (p.pipeline_id = %(pipeline_id)s::uuid OR p.client_id = %(client_id)s::uuid)
