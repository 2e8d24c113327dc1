-- The failing pipelines of the active inventory: their latest decisive run (run_id) failed.
(
    SELECT p.*, decisive.run_id
    FROM reporting.pipelines AS p
    CROSS JOIN {decisive_run} AS decisive
    WHERE p.is_active AND decisive.status = 'failed'
)
