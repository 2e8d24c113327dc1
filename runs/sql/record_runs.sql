-- Question    What does each of these writes change? Executes them and returns the outcomes.
-- Grain       one row per write; no two writes of one statement concern the same run
-- Columns     position, run_id, outcome (created, updated, unchanged, stale, pruned; null: another writer
--             wrote first, so call again), pruned_before (only for the outcome pruned)
-- Parameters  rows: the writes as one JSON array, which Python builds faster than one array per column.
--             kind: snapshot, event or if_absent (WriteKind in events.py). version_source: source or request_time.
--             Python inserts kind and version_source into the SQL as literals, so that PostgreSQL removes branches when
--             it plans.
-- Fragments   effect_of_write and effect_of_excluded: both are the text of write_effect.sql, which lists the effects.
--             effect_of_write reads the write from the row `write`, and effect_of_excluded from the row `excluded` of
--             ON CONFLICT. The effect updated replaces the content, earlier_start changes the start, the duration and
--             the version, and later_version changes only the version.
--
-- Writes that change nothing are skipped before the insert, because ON CONFLICT locks a row, and writes WAL for it,
-- even if its WHERE is false. Rows are written in key order, so that two writers cannot deadlock.
WITH writes AS (
    SELECT
        position, id, pipeline_id, external_run_id, status, started_at, finished_at,
        CASE
            WHEN sent_duration_seconds IS NOT NULL AND %(kind)s <> 'event' THEN sent_duration_seconds
            -- The column is an integer, so a duration of more than 2^31 - 1 seconds stays empty.
            WHEN finished_at >= started_at AND extract(epoch FROM finished_at - started_at) < 2147483648
            THEN floor(extract(epoch FROM finished_at - started_at))::integer
        END AS duration_seconds,
        rows_processed, error_message, status_reason, payload, given_source_url, source_updated_at
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS sent(
        position integer, id uuid, pipeline_id uuid, external_run_id text, status text, started_at timestamptz,
        finished_at timestamptz, sent_duration_seconds integer, rows_processed bigint, error_message text, status_reason text,
        payload jsonb, given_source_url text, source_updated_at timestamptz
    )
),
compared AS MATERIALIZED (
    SELECT
        write.*, r.id AS run_id, pruned.pruned_before,
        CASE
            WHEN r.id IS NOT NULL THEN {effect_of_write}
            WHEN pruned.pruned_before IS NOT NULL THEN 'pruned'
            ELSE 'created'
        END AS effect
    FROM writes AS write
    LEFT JOIN runs AS r USING (pipeline_id, external_run_id)
    -- If CHM has not stored the run, and has pruned runs of this age, pruned_before is the time before which it has
    -- pruned them. Otherwise it is null.
    CROSS JOIN LATERAL (
        SELECT CASE WHEN r.id IS NULL THEN (
            SELECT p.pruned_before
            FROM pipelines AS p
            WHERE p.id = write.pipeline_id
                AND coalesce(write.finished_at, write.started_at, statement_timestamp()) < p.pruned_before
        ) END AS pruned_before
    ) AS pruned
),
written AS (
    INSERT INTO runs AS r (
        id, created_at, updated_at, ingested_at, pipeline_id, external_run_id, status, started_at, finished_at,
        duration_seconds, rows_processed, error_message, status_reason, payload, given_source_url, source_updated_at
    )
    SELECT
        id, statement_timestamp(), statement_timestamp(), statement_timestamp(), pipeline_id, external_run_id,
        status, started_at, finished_at, duration_seconds, rows_processed, error_message, status_reason, payload,
        given_source_url, source_updated_at
    FROM compared
    WHERE effect IN ('created', 'updated', 'earlier_start', 'later_version')
    ORDER BY pipeline_id, external_run_id
    ON CONFLICT (pipeline_id, external_run_id) DO UPDATE SET (
        status, started_at, started_at_kept, finished_at, duration_seconds, rows_processed, error_message,
        error_message_fetched, status_reason, payload, given_source_url, source_updated_at, updated_at, ingested_at
    ) = (
        SELECT
            CASE WHEN replaces THEN excluded.status ELSE r.status END,
            start.started_at,
            start.keeps_start,
            ended.finished_at,
            CASE
                WHEN %(kind)s = 'snapshot' THEN excluded.duration_seconds
                WHEN ended.finished_at >= start.started_at
                    AND extract(epoch FROM ended.finished_at - start.started_at) < 2147483648
                THEN floor(extract(epoch FROM ended.finished_at - start.started_at))::integer
            END,
            CASE WHEN replaces THEN excluded.rows_processed ELSE r.rows_processed END,
            CASE WHEN replaces AND NOT text.keeps_error_message THEN excluded.error_message ELSE r.error_message END,
            CASE WHEN replaces THEN text.keeps_error_message ELSE r.error_message_fetched END,
            CASE WHEN replaces THEN excluded.status_reason ELSE r.status_reason END,
            CASE WHEN replaces THEN excluded.payload ELSE r.payload END,
            CASE WHEN replaces THEN excluded.given_source_url ELSE r.given_source_url END,
            greatest(r.source_updated_at, excluded.source_updated_at),
            CASE WHEN effect = 'later_version' THEN r.updated_at ELSE statement_timestamp() END,
            CASE WHEN effect = 'later_version' THEN r.ingested_at ELSE statement_timestamp() END
        FROM (SELECT {effect_of_excluded} AS effect) AS decision
        CROSS JOIN LATERAL (SELECT effect = 'updated' AS replaces) AS newer
        CROSS JOIN LATERAL (
            SELECT
                %(kind)s = 'snapshot' AND excluded.status = 'running' AND excluded.started_at IS NULL
                AND r.started_at IS NOT NULL AND (r.status <> 'running' OR r.started_at_kept) AS keeps_start
        ) AS reopening
        CROSS JOIN LATERAL (
            SELECT
                reopening.keeps_start,
                CASE
                    WHEN %(kind)s = 'event' THEN least(r.started_at, excluded.started_at)
                    WHEN reopening.keeps_start THEN r.started_at
                    ELSE excluded.started_at
                END AS started_at
        ) AS start
        CROSS JOIN LATERAL (
            SELECT CASE WHEN replaces THEN excluded.finished_at ELSE r.finished_at END AS finished_at
        ) AS ended
        -- If CHM fetched the error text with a second request, keep the text until the run has a new attempt.
        CROSS JOIN LATERAL (
            SELECT
                %(kind)s = 'snapshot' AND r.error_message_fetched AND excluded.error_message IS NULL
                AND excluded.status = r.status AND excluded.finished_at IS NOT DISTINCT FROM r.finished_at AS keeps_error_message
        ) AS text
    )
    WHERE {effect_of_excluded} IN ('updated', 'earlier_start', 'later_version')
    RETURNING
        -- xmax is 0 only in an inserted row. updated_at is the time of this statement only if the content has changed.
        r.id, r.pipeline_id, r.external_run_id, r.xmax = 0 AS inserted, r.updated_at = statement_timestamp() AS changed
)
SELECT
    compared.position,
    coalesce(written.id, compared.run_id) AS run_id,
    CASE
        WHEN written.inserted THEN 'created'
        WHEN written.changed THEN 'updated'
        WHEN written.id IS NOT NULL OR compared.effect = 'unchanged' THEN 'unchanged'
        WHEN compared.effect IN ('stale', 'pruned') THEN compared.effect
    END AS outcome,
    compared.pruned_before
FROM compared LEFT JOIN written USING (pipeline_id, external_run_id)
