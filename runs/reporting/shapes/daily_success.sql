-- Question   How many runs succeed from day to day?
-- Grain      one row per UTC day with runs, oldest first
-- Inventory  all
-- Panel      none
-- Parameters since, until
-- Columns
--   day           date     UTC day
--   runs          integer  Runs that happened on this day
--   success       integer  Runs that succeeded
--   failed        integer  Runs that failed
--   success_rate  numeric  Successes ÷ all runs, to 4 places
WITH bounds AS (
    SELECT %(since)s::timestamptz AS since, %(until)s::timestamptz AS until
),
{counted_by_day}
SELECT
    day, sum(runs)::bigint AS runs, sum(success)::bigint AS success, sum(failed)::bigint AS failed,
    round(sum(success)::numeric / sum(runs), 4) AS success_rate
FROM counted_by_day
GROUP BY day
HAVING sum(runs) > 0
ORDER BY day
