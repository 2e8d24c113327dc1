-- The same for runs (r) where the inventory is needed for nothing else: without a restriction no run is joined.
((%(client_id)s::uuid IS NULL AND %(platform)s::text IS NULL AND %(environment)s::text IS NULL)
OR r.pipeline_id IN (SELECT p.pipeline_id FROM reporting.pipelines AS p WHERE {in_scope}))
