-- Alert rules, without their destinations.
--   rule_id         Key of the rule
--   client_id       The client that owns it: the pipeline's, else the one it is scoped to
--   pipeline_id     The pipeline that it watches; null: all active pipelines of the client
--   rule_type       on_failure, failures_in_window
--   threshold       Failed runs needed in the window
--   window_minutes  Length of the window
--   channel         slack, email, webhook
--   is_enabled      False: kept, not evaluated
--   include_known   False: pipelines whose failure is known do not count
SELECT
    r.id AS rule_id, coalesce(p.client_id, r.client_id) AS client_id, r.pipeline_id, r.rule_type, r.threshold,
    r.window_minutes, r.channel, r.is_enabled, r.include_known
FROM alert_rules AS r
LEFT JOIN pipelines AS p ON p.id = r.pipeline_id
