-- The effect of a write (write) on the stored run (r). record_runs.sql computes the effect twice: before the
-- insert, and again in ON CONFLICT, because another writer may have changed the row in between.
--   updated        the write is newer: its content replaces the stored one
--   earlier_start  an event has an earlier start: start, duration and version can change, the rest stays
--   later_version  the same content with a later version: only the version changes
--   unchanged      a replay, or a write of the kind if_absent: nothing changes
--   stale          the write is older: nothing changes
CASE
    WHEN %(kind)s = 'if_absent' THEN 'unchanged'
    WHEN (
            r.status, r.finished_at, r.rows_processed,
            -- A text that CHM fetched with a second request is not part of a write, so do not compare it.
            CASE WHEN NOT r.error_message_fetched THEN r.error_message END,
            r.status_reason, r.payload, r.given_source_url
        ) IS NOT DISTINCT FROM (
            write.status, write.finished_at, write.rows_processed, write.error_message, write.status_reason, write.payload,
            write.given_source_url
        )
        AND (%(kind)s = 'event' OR (r.started_at, r.duration_seconds) IS NOT DISTINCT FROM (
            -- A re-opened run without a new start keeps the start of its former attempt, also in a replay.
            CASE WHEN write.status = 'running' AND write.started_at IS NULL AND r.started_at_kept
                THEN r.started_at ELSE write.started_at END,
            write.duration_seconds
        ))
    THEN CASE
        WHEN %(kind)s = 'event' AND least(r.started_at, write.started_at) IS DISTINCT FROM r.started_at
        THEN 'earlier_start'
        WHEN %(version_source)s = 'source' AND write.source_updated_at > coalesce(r.source_updated_at, '-infinity')
        THEN 'later_version'
        ELSE 'unchanged'
    END
    WHEN CASE
        -- A write without a version replaces the stored run, but never sets an ended run back to running.
        WHEN write.source_updated_at IS NULL THEN r.status = 'running' OR write.status <> 'running'
        WHEN r.source_updated_at IS NULL THEN true
        WHEN write.source_updated_at <> r.source_updated_at THEN write.source_updated_at > r.source_updated_at
        -- If two writes have the same version, the write whose status comes later in this list wins. If they also have
        -- the same status, the write with the greater content wins. So the order in which the two arrive makes no
        -- difference.
        ELSE (
            array_position(ARRAY['running', 'success', 'skipped', 'canceled', 'failed'], write.status::text),
            jsonb_build_array(
                CASE WHEN %(kind)s = 'snapshot' THEN jsonb_build_array(write.started_at, write.duration_seconds) END,
                write.finished_at, write.rows_processed, write.error_message, write.status_reason, write.payload,
                write.given_source_url
            )::text COLLATE "C"
        ) > (
            array_position(ARRAY['running', 'success', 'skipped', 'canceled', 'failed'], r.status::text),
            jsonb_build_array(
                CASE WHEN %(kind)s = 'snapshot' THEN jsonb_build_array(
                    CASE WHEN NOT r.started_at_kept THEN r.started_at END, r.duration_seconds
                ) END,
                r.finished_at, r.rows_processed, CASE WHEN NOT r.error_message_fetched THEN r.error_message END,
                r.status_reason, r.payload, r.given_source_url
            )::text COLLATE "C"
        )
    END THEN 'updated'
    -- An older event can still report an earlier start.
    WHEN %(kind)s = 'event' AND least(r.started_at, write.started_at) IS DISTINCT FROM r.started_at THEN 'earlier_start'
    ELSE 'stale'
END
