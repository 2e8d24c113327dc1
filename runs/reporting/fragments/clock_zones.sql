-- CTE bodies of the shape late_pipelines, for rule 4 of decision 0016:
--   zones         UTC (zone_number 1), and each of three other zones if its clocks changed in the last five weeks. The
--                 three zones change their clocks on different days.
--   weeks         One row for each zone and each of the last four weeks.
--   week_bounds   One row for pipelines that started in the last 72 hours, and one for the others.
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
-- `shift` is how much later, in UTC, a local time was in that week. Example: on Sunday the clocks of Berlin changed
-- from UTC+1 to UTC+2. Now 6:00 in Berlin is 4:00 UTC. A week ago it was 5:00 UTC, so `shift` is one hour. `shift` is
-- computed once for all moments of the last 72 hours. If the clocks changed within these hours, or within the same
-- hours of that week, 0 would be right for some of these moments. So week_bounds allows `shift` and 0.
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
-- How to move a moment to each of the four earlier weeks. `begins`, `last_begins` and `ends` are arrays with one
-- interval per week, the newest week first. `begins` and `last_begins` are added to a start, `ends` to judged_at.
--   begins       Moves a start to the earliest time, in UTC, of the same local time in that week, in any of the zones.
--   last_begins  Moves a start to the latest such time.
--   ends         Moves judged_at to 5 minutes before the latest such time.
--   max_spread   Two hours, plus the difference that clock changes can make between two weeks.
-- Example: no clocks have changed. `begins` and `last_begins` are -168, -336, -504 and -672 hours. If the clocks of
-- Berlin changed two weeks ago, `begins` and `last_begins` differ by an hour in weeks 2, 3 and 4. For pipelines that
-- have not started for 72 hours, the clocks may also have changed since then. So `begins` and `last_begins` differ by
-- two hours in all four weeks.
week_bounds AS MATERIALIZED (
    SELECT
        is_recent, array_agg(min_shift - ago ORDER BY week) AS begins, array_agg(max_shift - ago ORDER BY week) AS last_begins,
        array_agg(max_shift - ago - interval '5 minutes' ORDER BY week) AS ends,
        interval '2 hours' + max(max_shift) - min(min_shift) AS max_spread
    FROM (
        SELECT
            true AS is_recent, week, week * interval '168 hours' AS ago, least(min(shift), interval '0') AS min_shift,
            greatest(max(shift), interval '0') AS max_shift
        FROM weeks
        GROUP BY week
        UNION ALL
        SELECT false, week, week * interval '168 hours', - older_shift, older_shift
        FROM generate_series(1, 4) AS week
        CROSS JOIN (
            SELECT CASE WHEN count(*) > 1 THEN interval '1 hour' ELSE interval '0' END AS older_shift FROM zones
        ) AS older
    ) AS by_week
    GROUP BY is_recent
)
