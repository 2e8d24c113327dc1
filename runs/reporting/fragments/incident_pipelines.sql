-- The failing pipelines of the caller's scope, each with its incident. `incident` is the fingerprint of the incident.
-- Incidents with the same fingerprint have different values of `number`. Decision 0028 defines when two failures belong
-- to one incident.
(
    SELECT
        flagged.*,
        count(*) FILTER (WHERE flagged.begins_incident) OVER (
            PARTITION BY flagged.incident ORDER BY flagged.failing_since, flagged.pipeline_id
        ) AS number
    FROM (
        SELECT
            failure.*,
            {begins_incident} AS begins_incident
        FROM (
            SELECT
                p.pipeline_id, p.pipeline_name, p.client_id, p.client_name, p.platform, p.environment, p.run_id,
                cause.masked, cause.is_vague, failed.error_message, failed.event_at AS failed_at, streak.failing_since,
                {incident_key} AS incident, {known} AS known
            FROM {failing_pipelines} AS p
            JOIN reporting.runs AS failed ON failed.run_id = p.run_id
            CROSS JOIN LATERAL {cause} AS cause
            -- The last run before the failures with this cause: a success, or a failure with another cause.
            LEFT JOIN LATERAL (
                SELECT r.run_id, r.started_at, r.finished_at
                FROM reporting.runs AS r
                WHERE r.pipeline_id = p.pipeline_id AND {decisive}
                    AND (
                        r.status = 'success'
                        OR (r.error_message, r.status_reason) IS DISTINCT FROM (failed.error_message, failed.status_reason)
                        AND {masked_error} <> cause.masked
                    )
                ORDER BY {latest_first}
                LIMIT 1
            ) AS former ON true
            CROSS JOIN LATERAL (
                SELECT min(r.event_at) AS failing_since
                FROM reporting.runs AS r
                WHERE r.pipeline_id = p.pipeline_id AND r.status = 'failed' AND {settled} AND {later_than_former}
            ) AS streak
            WHERE {in_scope}
        ) AS failure
    ) AS flagged
)
