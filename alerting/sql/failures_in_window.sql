-- Question    Which runs of the active pipelines of a scope failed in a window?
-- Grain       one row per failed run
-- Columns     event_at; counts_until: when the failure of the pipeline became known; null: the failure is not known
-- Parameters  pipeline_id or client_id, since, until; known_pipeline_ids and known_since: the pipelines whose failure is
--             known, and since when
SELECT r.event_at, known.since AS counts_until
FROM reporting.runs AS r
JOIN reporting.pipelines AS p USING (pipeline_id)
LEFT JOIN unnest(%(known_pipeline_ids)s::uuid[], %(known_since)s::timestamptz[]) AS known (pipeline_id, since)
    USING (pipeline_id)
WHERE r.status = 'failed' AND r.event_at > %(since)s AND r.event_at < %(until)s
    AND p.is_active AND (p.pipeline_id = %(pipeline_id)s::uuid OR p.client_id = %(client_id)s::uuid)
