-- CTEs that follow the CTE `bounds`. `counted_by_day` has counts of the runs within the bounds, by day, platform and
-- environment. The counts of whole days come from the roll-up. The runs on parts of days are counted one by one. A day
-- can have several rows with the same platform and environment. Counts have the alias p, because kind_in_scope and
-- in_scope read p.
{whole_days},
counted_by_day AS (
    SELECT
        p.day, p.platform, p.environment, p.running, p.success, p.failed, p.canceled, p.skipped,
        p.running + p.success + p.failed + p.canceled + p.skipped AS runs
    FROM reporting.daily_kind_counts AS p
    WHERE p.day >= (SELECT first_day FROM whole) AND p.day < (SELECT last_day FROM whole)
        AND {all_clients} AND {kind_in_scope}
    UNION ALL
    SELECT
        p.day, p.platform, p.environment, p.running, p.success, p.failed, p.canceled, p.skipped,
        p.running + p.success + p.failed + p.canceled + p.skipped
    FROM reporting.daily_counts AS p
    WHERE p.day >= (SELECT first_day FROM whole) AND p.day < (SELECT last_day FROM whole)
        AND NOT ({all_clients}) AND {in_scope}
    UNION ALL
    SELECT
        e.day, e.platform, e.environment, e.running, e.success, e.failed, e.canceled, e.skipped,
        e.running + e.success + e.failed + e.canceled + e.skipped
    FROM ({edge_counts}) AS e
)
