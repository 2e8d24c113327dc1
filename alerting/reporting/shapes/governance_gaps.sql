-- Question   Q10: Which pipelines does nobody look after?
-- Grain      one row per pipeline and problem, sorted by client and pipeline
-- Inventory  active
-- Panel      Q6-Q10 Operations & Governance: table
-- View       governance_gaps
-- Parameters
-- Columns
--   client_name    text  Name of the client
--   pipeline_name  text  Name of the pipeline
--   gap            text  `no_external_id`: CHM cannot ingest the pipeline; `no_alert_rule`: no enabled rule watches the
--                        pipeline or its client; `no_run_30d`: no run happened in the 30 days before `as_of`
--   client_id      uuid  Key of the client
--   pipeline_id    uuid  Key of the pipeline
WITH rule_scopes AS (
    SELECT client_id, pipeline_id FROM reporting.alert_rules WHERE is_enabled
),
gaps AS (
    SELECT
        p.client_name, p.pipeline_name, p.client_id, p.pipeline_id,
        p.external_id IS NULL AS no_external_id,
        p.pipeline_id NOT IN (SELECT pipeline_id FROM rule_scopes WHERE pipeline_id IS NOT NULL)
        AND p.client_id NOT IN (SELECT client_id FROM rule_scopes WHERE pipeline_id IS NULL) AS no_alert_rule,
        NOT EXISTS (
            SELECT FROM reporting.runs AS r
            WHERE r.pipeline_id = p.pipeline_id
                AND r.event_at >= %(as_of)s::timestamptz - interval '30 days' AND r.event_at < %(as_of)s
        ) AS no_run_30d
    FROM reporting.pipelines AS p
    WHERE p.is_active AND {in_scope}
)
SELECT gaps.client_name, gaps.pipeline_name, gap.gap, gaps.client_id, gaps.pipeline_id
FROM gaps
CROSS JOIN LATERAL (
    VALUES
    ('no_alert_rule', gaps.no_alert_rule), ('no_external_id', gaps.no_external_id), ('no_run_30d', gaps.no_run_30d)
) AS gap(gap, applies)
WHERE gap.applies
ORDER BY gaps.client_name, gaps.pipeline_name, gaps.pipeline_id, gap.gap
