-- CTE bodies of the shape late_pipelines, for rule 4 of decision 0016. `zones` has UTC, and those of three other zones whose
-- clocks changed in the weeks that are compared. The three zones change their clocks on different days. `weeks` has one row
-- for each zone and each of the last four weeks, `any_zone` one row for each week.
zones AS MATERIALIZED (
    SELECT zone, place
    FROM unnest(ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Sydney']) WITH ORDINALITY AS z (zone, place)
    WHERE zone = 'UTC' OR EXISTS (
        SELECT FROM generate_series(1, 5) AS week
        CROSS JOIN LATERAL (
            SELECT %(as_of)s::timestamptz AS today, %(as_of)s::timestamptz - week * interval '168 hours' AS former
        ) AS compared
        WHERE (today AT TIME ZONE zone) - (today AT TIME ZONE 'UTC')
            <> (former AT TIME ZONE zone) - (former AT TIME ZONE 'UTC')
    )
),
-- How far the same local time of an earlier week is from the same time in UTC, for a moment of the last 72 hours: either 0
-- or `shift`, because the clocks may have changed within these 72 hours.
weeks AS MATERIALIZED (
    SELECT
        zone, place, week,
        ((today AT TIME ZONE zone) - (today AT TIME ZONE 'UTC'))
            - ((former AT TIME ZONE zone) - (former AT TIME ZONE 'UTC')) AS shift
    FROM zones
    CROSS JOIN generate_series(1, 4) AS week
    CROSS JOIN LATERAL (
        SELECT
            %(as_of)s::timestamptz AS today,
            %(as_of)s::timestamptz - week * interval '168 hours' - interval '72 hours' AS former
    ) AS compared
),
-- The range of all zones' shifts. `any_shift` is for older moments. Weeks without a shift come first, because they exclude
-- most pipelines.
any_zone AS MATERIALIZED (
    SELECT
        week, week * interval '168 hours' AS ago, least(min(shift), interval '0') AS min_shift,
        greatest(max(shift), interval '0') AS max_shift, CASE WHEN max(place) > 1 THEN interval '1 hour' ELSE interval '0' END AS any_shift
    FROM weeks
    GROUP BY week
    ORDER BY week
)
