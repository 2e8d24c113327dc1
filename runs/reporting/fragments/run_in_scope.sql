-- Whether a run (r) is in the caller's scope, for queries that do not read the inventory. PostgreSQL reads the
-- inventory only if the scope is restricted.
({unscoped} OR r.pipeline_id IN (SELECT p.pipeline_id FROM reporting.pipelines AS p WHERE {in_scope}))
