-- CTE bodies of the shape late_pipelines, for rule 4 of decision 0016. `zones` has UTC, and one zone for each kind of
-- clock change, if its clocks changed in the weeks that are compared. `weeks` has the four weeks before, for each zone,
-- and `any_zone` for all zones together.
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
-- Whether a zone's clocks changed between a moment of the last week and the same time in an earlier week.
weeks AS MATERIALIZED (
    SELECT
        zone, place, week,
        (today AT TIME ZONE zone) - (today AT TIME ZONE 'UTC')
            <> (former AT TIME ZONE zone) - (former AT TIME ZONE 'UTC') AS is_shifted
    FROM zones
    CROSS JOIN generate_series(1, 4) AS week
    CROSS JOIN LATERAL (
        SELECT
            %(as_of)s::timestamptz AS today, %(as_of)s::timestamptz - (week + 1) * interval '168 hours' AS former
    ) AS compared
),
any_zone AS MATERIALIZED (
    SELECT week, week * interval '168 hours' AS ago, bool_or(is_shifted) AS is_shifted, max(place) > 1 AS has_zones
    FROM weeks
    GROUP BY week
)
