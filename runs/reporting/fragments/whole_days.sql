-- CTE bodies for a query that begins with `WITH bounds AS (SELECT ... AS since, ... AS until)`: `whole` has
-- the whole UTC days within the bounds, `edges` the parts of days before and after these days. Example: the bounds are 1
-- June 18:00 and 4 June 6:00. `whole` is 2 and 3 June, and `edges` has 1 June from 18:00 and 4 June until 6:00. If the bounds
-- contain no whole day, `edges` has one part.
whole AS (
    SELECT first_day, greatest(first_day, last_day) AS last_day
    FROM (
        SELECT
            ((since AT TIME ZONE 'UTC') + interval '1 day' - interval '1 microsecond')::date AS first_day,
            -- If no run comes after the bounds, the counts of the last day contain no other runs, so the day counts as whole.
            CASE
                WHEN (SELECT max(r.event_at) FROM reporting.runs AS r) >= until THEN (until AT TIME ZONE 'UTC')::date
                ELSE (until AT TIME ZONE 'UTC')::date + 1
            END AS last_day
        FROM bounds
    ) AS days
),
edges AS (
    SELECT bounds.since AS begins, least(bounds.until, whole.first_day::timestamp AT TIME ZONE 'UTC') AS ends
    FROM bounds CROSS JOIN whole
    UNION ALL
    SELECT greatest(bounds.since, whole.last_day::timestamp AT TIME ZONE 'UTC'), bounds.until
    FROM bounds CROSS JOIN whole
    WHERE whole.last_day > whole.first_day OR bounds.until > whole.first_day::timestamp AT TIME ZONE 'UTC'
)
