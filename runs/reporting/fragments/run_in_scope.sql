-- The same where a query needs the inventory for nothing else: without a restriction, no run (r) is joined.
({unscoped} OR r.pipeline_id IN (SELECT p.pipeline_id FROM reporting.pipelines AS p WHERE {in_scope}))
