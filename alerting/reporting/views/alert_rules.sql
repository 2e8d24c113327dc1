-- Alert rules, without their destinations.
--   rule_id         Key of the rule
--   client_id       Key of the client: of the rule's pipeline if it has one, else of the rule
--   pipeline_id     Key of the pipeline that the rule watches; null: the rule watches all active pipelines of the client
--   rule_type       on_failure, failures_in_window
--   threshold       The rule fires if at least this many runs in the window failed
--   window_minutes  Length of the window in minutes
--   channel         slack, email, webhook
--   is_enabled      False: the rule is kept, but never fires
--   include_known   False: pipelines with a known failure do not count
SELECT
    r.id AS rule_id, coalesce(p.client_id, r.client_id) AS client_id, r.pipeline_id, r.rule_type, r.threshold,
    r.window_minutes, r.channel, r.is_enabled, r.include_known
FROM alert_rules AS r
LEFT JOIN pipelines AS p ON p.id = r.pipeline_id
