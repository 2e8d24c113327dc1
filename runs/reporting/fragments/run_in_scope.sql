-- The restriction in_scope for runs (r), for queries that do not read the inventory. Without a restriction the inventory
-- is not read.
({unscoped} OR r.pipeline_id IN (SELECT p.pipeline_id FROM reporting.pipelines AS p WHERE {in_scope}))
