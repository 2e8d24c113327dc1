-- Question   Q7: Whose data is getting old?
-- Grain      one row per pipeline; pipelines without a success first, then the oldest success
-- Inventory  active
-- Panel      Q6-Q10 Operations & Governance: table
-- View       freshness
-- Parameters
-- Columns
--   client_name          text         Name of the client
--   pipeline_name        text         Name of the pipeline
--   platform             text         Kind of orchestrator
--   environment          text         Where the pipeline runs
--   last_run_at          timestamptz? When the latest run started; if unknown, when it ended or was stored; null: no
--                                     run
--   last_success_at      timestamptz? When the last success happened; null: never
--   hours_since_success  numeric?     Hours from `last_success_at` to `as_of`, to 1 place; null: never
--   client_id            uuid         Key of the client
--   pipeline_id          uuid         Key of the pipeline
--   run_id               uuid?        Key of the latest run; null: no run
SELECT
    p.client_name, p.pipeline_name, p.platform, p.environment,
    latest.last_run_time AS last_run_at,
    success.event_at AS last_success_at,
    round(extract(epoch FROM %(as_of)s::timestamptz - success.event_at) / 3600, 1) AS hours_since_success,
    p.client_id, p.pipeline_id, latest.run_id
FROM reporting.pipelines AS p
LEFT JOIN {latest_run} AS latest ON true
-- If the latest run succeeded, it is the last success. Otherwise PostgreSQL searches the index again.
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN latest.status = 'success' THEN latest.event_at
        ELSE (SELECT former.event_at FROM {last_success} AS former)
    END AS event_at
    OFFSET 0  -- computes it once
) AS success
WHERE p.is_active AND {in_scope}
ORDER BY success.event_at NULLS FIRST, p.client_name, p.pipeline_name, p.pipeline_id
