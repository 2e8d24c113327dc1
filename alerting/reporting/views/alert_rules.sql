-- Alert rules, without their destinations.
--   rule_id         Key of the rule
--   client_id       Key of the client that owns the rule: the client of its pipeline, or the rule's own client
--   pipeline_id     Key of the pipeline that the rule watches; null: the rule watches all active pipelines of the client
--   rule_type       Condition: on_failure (a pipeline is failing) or failures_in_window (enough runs failed in the window)
--   threshold       The rule fires if at least this many runs in the window failed
--   window_minutes  Length of the window in minutes
--   channel         Kind of the destination: slack, email, webhook
--   is_enabled      False: the rule is kept, but never fires
--   include_known   False: pipelines whose failure is known, or that failed in planned maintenance, do not count
SELECT
    r.id AS rule_id, coalesce(p.client_id, r.client_id) AS client_id, r.pipeline_id, r.rule_type, r.threshold,
    r.window_minutes, r.channel, r.is_enabled, r.include_known
FROM alert_rules AS r
LEFT JOIN pipelines AS p ON p.id = r.pipeline_id
