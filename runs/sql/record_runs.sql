-- Question    What does each of these writes change? Executes them and returns the outcomes.
-- Grain       one row per write; no two writes of one statement concern the same run
-- Columns     position, run_id, outcome (created, updated, unchanged, stale, pruned; null: another writer came
--             first, call again), pruned_before (with the outcome pruned)
-- Parameters  rows: a JSON array of the writes, which costs the writer a tenth of what one array per column costs.
--             kind (snapshot, event, if_absent) and clock (source, asked) are put in as constants
--
-- Writes that change nothing are skipped before the insert, because ON CONFLICT locks a row, and writes WAL for it, even
-- if its WHERE is false. Rows are written in key order, so that two writers cannot deadlock.
WITH new AS (
    SELECT
        position, id, pipeline_id, external_run_id, status, started_at, finished_at,
        CASE
            WHEN given_seconds IS NOT NULL AND %(kind)s <> 'event' THEN given_seconds
            -- A longer duration does not fit the column.
            WHEN finished_at >= started_at AND extract(epoch FROM finished_at - started_at) < 2147483648
            THEN floor(extract(epoch FROM finished_at - started_at))::integer
        END AS duration_seconds,
        rows_processed, error_message, status_reason, payload, given_source_url, source_updated_at
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS sent(
        position integer, id uuid, pipeline_id uuid, external_run_id text, status text, started_at timestamptz,
        finished_at timestamptz, given_seconds integer, rows_processed bigint, error_message text, status_reason text,
        payload jsonb, given_source_url text, source_updated_at timestamptz
    )
),
judged AS MATERIALIZED (
    SELECT
        new.*, r.id AS run_id, pruned.pruned_before,
        CASE
            WHEN r.id IS NOT NULL THEN {verdict_on_new}
            WHEN pruned.pruned_before IS NOT NULL THEN 'pruned'
            ELSE 'created'
        END AS verdict
    FROM new
    LEFT JOIN runs AS r USING (pipeline_id, external_run_id)
    -- Only for a run that is not stored. Compares the event_at that the run would have.
    CROSS JOIN LATERAL (
        SELECT CASE WHEN r.id IS NULL THEN (
            SELECT p.pruned_before
            FROM pipelines AS p
            WHERE p.id = new.pipeline_id
                AND coalesce(new.finished_at, new.started_at, statement_timestamp()) < p.pruned_before
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
    FROM judged
    WHERE verdict IN ('created', 'updated', 'started', 'moved')
    ORDER BY pipeline_id, external_run_id
    ON CONFLICT (pipeline_id, external_run_id) DO UPDATE SET (
        status, started_at, started_at_kept, finished_at, duration_seconds, rows_processed, error_message,
        error_message_fetched, status_reason, payload, given_source_url, source_updated_at, updated_at, ingested_at
    ) = (
        SELECT
            CASE WHEN replaces THEN excluded.status ELSE r.status END,
            start.started_at,
            start.kept,
            ended.finished_at,
            CASE
                WHEN %(kind)s = 'snapshot' THEN excluded.duration_seconds
                WHEN ended.finished_at >= start.started_at
                    AND extract(epoch FROM ended.finished_at - start.started_at) < 2147483648
                THEN floor(extract(epoch FROM ended.finished_at - start.started_at))::integer
            END,
            CASE WHEN replaces THEN excluded.rows_processed ELSE r.rows_processed END,
            CASE WHEN replaces AND NOT text.kept THEN excluded.error_message ELSE r.error_message END,
            CASE WHEN replaces THEN text.kept ELSE r.error_message_fetched END,
            CASE WHEN replaces THEN excluded.status_reason ELSE r.status_reason END,
            CASE WHEN replaces THEN excluded.payload ELSE r.payload END,
            CASE WHEN replaces THEN excluded.given_source_url ELSE r.given_source_url END,
            greatest(r.source_updated_at, excluded.source_updated_at),
            CASE WHEN verdict = 'moved' THEN r.updated_at ELSE statement_timestamp() END,
            CASE WHEN verdict = 'moved' THEN r.ingested_at ELSE statement_timestamp() END
        FROM (SELECT {verdict_on_excluded} AS verdict) AS judgement
        CROSS JOIN LATERAL (SELECT verdict = 'updated' AS replaces) AS newer
        CROSS JOIN LATERAL (
            SELECT
                %(kind)s = 'snapshot' AND excluded.status = 'running' AND excluded.started_at IS NULL
                AND r.started_at IS NOT NULL AND (r.status <> 'running' OR r.started_at_kept) AS kept
        ) AS reopening
        CROSS JOIN LATERAL (
            SELECT
                reopening.kept,
                CASE
                    WHEN %(kind)s = 'event' THEN least(r.started_at, excluded.started_at)
                    WHEN reopening.kept THEN r.started_at
                    ELSE excluded.started_at
                END AS started_at
        ) AS start
        CROSS JOIN LATERAL (
            SELECT CASE WHEN replaces THEN excluded.finished_at ELSE r.finished_at END AS finished_at
        ) AS ended
        -- A text from a second request stays while its attempt is the stored one.
        CROSS JOIN LATERAL (
            SELECT
                %(kind)s = 'snapshot' AND r.error_message_fetched AND excluded.error_message IS NULL
                AND excluded.status = r.status AND excluded.finished_at IS NOT DISTINCT FROM r.finished_at AS kept
        ) AS text
    )
    WHERE {verdict_on_excluded} IN ('updated', 'started', 'moved')
    RETURNING
        -- xmax is 0 only in an inserted row.
        r.id, r.pipeline_id, r.external_run_id, r.xmax = 0 AS inserted, r.updated_at = statement_timestamp() AS changed
)
SELECT
    judged.position,
    coalesce(written.id, judged.run_id) AS run_id,
    CASE
        WHEN written.inserted THEN 'created'
        WHEN written.changed THEN 'updated'
        WHEN written.id IS NOT NULL OR judged.verdict = 'unchanged' THEN 'unchanged'
        WHEN judged.verdict IN ('stale', 'pruned') THEN judged.verdict
    END AS outcome,
    judged.pruned_before
FROM judged LEFT JOIN written USING (pipeline_id, external_run_id)
