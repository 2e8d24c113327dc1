-- Question    Which enabled rules fire at as_of?
-- Grain       one row per firing rule, over active inventory
-- Columns     rule_id, since: for on_failure, when the first of the failing pipelines in scope began to fail;
--             for failures_in_window, the time of the oldest failure in the window
-- Parameters  as_of: the end of the windows; state_at: runs count in the state that they had at this time (infinity:
--             their stored state); in_maintenance: the pipelines that failed in planned maintenance, which
--             count as known
--
-- Each failure in the longest window of all rules is read once, from the small index runs_failed. The latest
-- decisive run of each pipeline is read once. Rules are joined by key, so more rules hardly increase the duration.
WITH enabled AS MATERIALIZED (
    SELECT
        rule_id, client_id, pipeline_id, rule_type, threshold, include_known,
        %(as_of)s::timestamptz - make_interval(mins => window_minutes) AS window_start
    FROM reporting.alert_rules
    WHERE is_enabled
),
failing AS MATERIALIZED (
    SELECT
        p.pipeline_id, p.client_id, {known} OR p.pipeline_id = ANY(%(in_maintenance)s::uuid[]) AS known, streak.failing_since
    FROM {failing_pipelines} AS p
    JOIN reporting.runs AS failed ON failed.run_id = p.run_id
    -- The cause is needed only for failures that are marked as known.
    LEFT JOIN LATERAL (SELECT cause.* FROM {cause} AS cause WHERE p.known_reason IS NOT NULL) AS cause ON true
    -- {later_than_former} below compares runs with the row `former`.
    LEFT JOIN {last_success} AS former ON true
    CROSS JOIN LATERAL (
        SELECT min(r.event_at) AS failing_since
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id AND r.status = 'failed' AND {settled} AND {later_than_former}
    ) AS streak
),
known AS MATERIALIZED (
    SELECT pipeline_id FROM failing WHERE known
),
failures AS MATERIALIZED (
    SELECT p.pipeline_id, p.client_id, r.event_at
    FROM reporting.runs AS r
    JOIN reporting.pipelines AS p USING (pipeline_id)
    WHERE r.status = 'failed' AND r.event_at <= %(as_of)s
        AND r.event_at > (SELECT min(window_start) FROM enabled WHERE rule_type = 'failures_in_window')
        AND p.is_active
),
failures_by_rule AS (
    SELECT enabled.rule_id, enabled.threshold, count(*) AS failed_runs, min(failures.event_at) AS since
    FROM enabled
    JOIN failures ON failures.pipeline_id = enabled.pipeline_id AND failures.event_at > enabled.window_start
    WHERE enabled.rule_type = 'failures_in_window'
        AND (enabled.include_known OR failures.pipeline_id NOT IN (SELECT pipeline_id FROM known))
    GROUP BY enabled.rule_id, enabled.threshold
    UNION ALL
    SELECT enabled.rule_id, enabled.threshold, count(*), min(failures.event_at)
    FROM enabled
    JOIN failures ON failures.client_id = enabled.client_id AND failures.event_at > enabled.window_start
    WHERE enabled.rule_type = 'failures_in_window' AND enabled.pipeline_id IS NULL
        AND (enabled.include_known OR failures.pipeline_id NOT IN (SELECT pipeline_id FROM known))
    GROUP BY enabled.rule_id, enabled.threshold
)
SELECT rule_id, min(since) AS since
FROM (
    SELECT rule_id, failing_since AS since
    FROM enabled JOIN failing USING (pipeline_id)
    WHERE rule_type = 'on_failure' AND (include_known OR NOT known)
    UNION ALL
    SELECT rule_id, failing_since
    FROM enabled JOIN failing USING (client_id)
    WHERE rule_type = 'on_failure' AND enabled.pipeline_id IS NULL AND (include_known OR NOT known)
    UNION ALL
    SELECT rule_id, since FROM failures_by_rule WHERE failed_runs >= threshold
) AS firing
GROUP BY rule_id
