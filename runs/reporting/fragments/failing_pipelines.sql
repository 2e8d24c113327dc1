-- Failing: pipelines of the active inventory with a failed run as their latest decisive one, which is run_id.
(
    SELECT p.*, decisive.run_id
    FROM reporting.pipelines AS p
    CROSS JOIN {decisive_run} AS decisive
    WHERE p.is_active AND decisive.status = 'failed'
)
