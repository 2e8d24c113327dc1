-- CTEs after `bounds`. `counted` has the runs of the bounds, counted by day and scope: whole days from the roll-up, the
-- rest from the runs. A day and scope can have several rows.
{whole_days},
counted AS (
    SELECT
        p.day, p.client_id, p.client_name, p.platform, p.environment, p.is_active, p.running, p.success, p.failed,
        p.canceled, p.skipped, p.rows_known, p.rows_total, p.rows_squares,
        p.running + p.success + p.failed + p.canceled + p.skipped AS runs
    FROM reporting.daily_counts AS p
    WHERE p.day >= (SELECT first_day FROM whole) AND p.day < (SELECT last_day FROM whole) AND {in_scope}
    UNION ALL
    SELECT e.*, e.running + e.success + e.failed + e.canceled + e.skipped
    FROM ({edge_counts}) AS e
)
