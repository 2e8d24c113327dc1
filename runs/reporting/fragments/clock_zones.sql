-- CTE bodies of the shape late_pipelines, for rule 4 of decision 0016:
--   zones         UTC (zone_number 1), and each of three other zones if its clocks changed in the last five weeks. The
--                 three zones change their clocks on different days.
--   weeks         One row for each zone and each of the last four weeks.
--   shift_ranges  One row for each of these weeks.
zones AS MATERIALIZED (
    SELECT zone, zone_number
    FROM unnest(ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Sydney']) WITH ORDINALITY AS z (zone, zone_number)
    WHERE zone = 'UTC' OR EXISTS (
        SELECT FROM generate_series(1, 5) AS week
        CROSS JOIN LATERAL (
            SELECT %(as_of)s::timestamptz AS today, %(as_of)s::timestamptz - week * interval '168 hours' AS former
        ) AS compared
        WHERE (today AT TIME ZONE zone) - (today AT TIME ZONE 'UTC')
            <> (former AT TIME ZONE zone) - (former AT TIME ZONE 'UTC')
    )
),
-- `shift` is how much later, in UTC, a local time was in that week. Example: on Sunday the clocks of Berlin changed from
-- UTC+1 to UTC+2. Now 6:00 in Berlin is 4:00 UTC. A week ago it was 5:00 UTC, so `shift` is one hour. `shift` is for moments
-- of the last 72 hours. The clocks may have changed within these hours, so for some of the moments 0 is right instead.
weeks AS MATERIALIZED (
    SELECT
        zone, zone_number, week,
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
-- The range of the shifts of all zones, for moments of the last 72 hours: from `min_shift` to `max_shift`. For an older
-- moment, the shift is between minus `older_shift` and plus `older_shift`. The newest week comes first. Its shift is usually
-- 0, so it excludes most pipelines.
shift_ranges AS MATERIALIZED (
    SELECT
        week, week * interval '168 hours' AS ago, least(min(shift), interval '0') AS min_shift,
        greatest(max(shift), interval '0') AS max_shift, CASE WHEN max(zone_number) > 1 THEN interval '1 hour' ELSE interval '0' END AS older_shift
    FROM weeks
    GROUP BY week
    ORDER BY week
)
