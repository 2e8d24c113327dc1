-- CTEs that follow the CTE `bounds`. `counted_by_client` has counts of the runs within the bounds, by day and client.
-- The counts of whole days come from the roll-up. The runs on parts of days are counted one by one. A day and client
-- can have several rows. Counts have the alias p, because client_in_scope and in_scope read p.
{whole_days},
counted_by_client AS (
    SELECT
        p.day, p.client_id, p.client_name, p.is_active, p.success, p.failed, p.rows_known, p.rows_total, p.rows_squares,
        p.running + p.success + p.failed + p.canceled + p.skipped AS runs
    FROM reporting.daily_client_counts AS p
    WHERE p.day >= (SELECT first_day FROM whole) AND p.day < (SELECT last_day FROM whole)
        AND {all_kinds} AND {client_in_scope}
    UNION ALL
    SELECT
        p.day, p.client_id, p.client_name, p.is_active, p.success, p.failed, p.rows_known, p.rows_total, p.rows_squares,
        p.running + p.success + p.failed + p.canceled + p.skipped
    FROM reporting.daily_counts AS p
    WHERE p.day >= (SELECT first_day FROM whole) AND p.day < (SELECT last_day FROM whole)
        AND NOT {all_kinds} AND {in_scope}
    UNION ALL
    SELECT
        e.day, e.client_id, e.client_name, e.is_active, e.success, e.failed, e.rows_known, e.rows_total, e.rows_squares,
        e.running + e.success + e.failed + e.canceled + e.skipped
    FROM ({edge_counts}) AS e
)
