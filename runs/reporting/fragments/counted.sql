-- Like counted_by_day, without the day. Whole months are read from the monthly counts, so that a year has few rows.
{whole_days},
whole_months AS (
    SELECT first_month, greatest(first_month, last_month) AS last_month
    FROM (
        SELECT
            date_trunc('month', first_day + interval '1 month' - interval '1 day')::date AS first_month,
            date_trunc('month', last_day)::date AS last_month
        FROM whole
    ) AS months
),
counted AS (
    SELECT
        p.client_id, p.client_name, p.platform, p.environment, p.is_active, p.running, p.success, p.failed, p.canceled,
        p.skipped, p.running + p.success + p.failed + p.canceled + p.skipped AS runs
    FROM reporting.monthly_counts AS p
    WHERE p.month >= (SELECT first_month FROM whole_months) AND p.month < (SELECT last_month FROM whole_months)
        AND {in_scope}
    UNION ALL
    SELECT
        p.client_id, p.client_name, p.platform, p.environment, p.is_active, p.running, p.success, p.failed, p.canceled,
        p.skipped, p.running + p.success + p.failed + p.canceled + p.skipped
    FROM reporting.daily_counts AS p
    WHERE p.day >= (SELECT first_day FROM whole)
        AND p.day < (SELECT least(last_day, first_month) FROM whole CROSS JOIN whole_months) AND {in_scope}
    UNION ALL
    SELECT
        p.client_id, p.client_name, p.platform, p.environment, p.is_active, p.running, p.success, p.failed, p.canceled,
        p.skipped, p.running + p.success + p.failed + p.canceled + p.skipped
    FROM reporting.daily_counts AS p
    WHERE p.day >= (SELECT greatest(first_day, last_month) FROM whole CROSS JOIN whole_months)
        AND p.day < (SELECT last_day FROM whole) AND {in_scope}
    UNION ALL
    SELECT
        e.client_id, e.client_name, e.platform, e.environment, e.is_active, e.running, e.success, e.failed, e.canceled,
        e.skipped, e.running + e.success + e.failed + e.canceled + e.skipped
    FROM ({edge_counts}) AS e
)
