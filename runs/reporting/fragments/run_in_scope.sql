-- The same restriction for queries that do not need the inventory otherwise: without a restriction, nothing is joined.
({unscoped} OR r.pipeline_id IN (SELECT p.pipeline_id FROM reporting.pipelines AS p WHERE {in_scope}))
