-- CTE bodies for a query that begins with `WITH bounds AS (SELECT ... AS since, ... AS until)`. `whole` has the range of
-- whole UTC days within the bounds: from `first_day` until the day before `last_day`. `partial_days` has the parts of
-- days before and after this range. Example: the bounds are 1 June 18:00 and 4 June 6:00. In `whole`, `first_day` is 2
-- June and `last_day` is 4 June. `partial_days` has 1 June from 18:00, and 4 June until 6:00. If both bounds are on the
-- same day, `partial_days` has one part.
whole AS (
    SELECT first_day, greatest(first_day, last_day) AS last_day
    FROM (
        SELECT
            ((since AT TIME ZONE 'UTC') + interval '1 day' - interval '1 microsecond')::date AS first_day,
            -- If no run happened at or after `until`, all runs of the last day are within the bounds. So the day is
            -- whole.
            CASE
                WHEN (SELECT max(r.event_at) FROM reporting.runs AS r) >= until THEN (until AT TIME ZONE 'UTC')::date
                ELSE (until AT TIME ZONE 'UTC')::date + 1
            END AS last_day
        FROM bounds
    ) AS days
),
partial_days AS (
    SELECT bounds.since AS begins, least(bounds.until, whole.first_day::timestamp AT TIME ZONE 'UTC') AS ends
    FROM bounds CROSS JOIN whole
    UNION ALL
    SELECT greatest(bounds.since, whole.last_day::timestamp AT TIME ZONE 'UTC'), bounds.until
    FROM bounds CROSS JOIN whole
    WHERE whole.last_day > whole.first_day OR bounds.until > whole.first_day::timestamp AT TIME ZONE 'UTC'
)
