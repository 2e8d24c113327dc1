-- The effect of a write (new) on the stored run (r). Used twice: before the insert, and again at the conflict.
--   updated    the write is newer: its content replaces the stored one
--   started    an event adds an earlier start; of the other columns, only the version can change
--   moved      same content with a later version: only the version changes
--   unchanged  a replay
--   stale      an older write
CASE
    WHEN %(kind)s = 'if_absent' THEN 'unchanged'
    WHEN (
            r.status, r.finished_at, r.rows_processed,
            -- A text from a second request is not part of the source's response.
            CASE WHEN NOT r.error_message_fetched THEN r.error_message END,
            r.status_reason, r.payload, r.given_source_url
        ) IS NOT DISTINCT FROM (
            new.status, new.finished_at, new.rows_processed, new.error_message, new.status_reason, new.payload,
            new.given_source_url
        )
        AND (%(kind)s = 'event' OR (r.started_at, r.duration_seconds) IS NOT DISTINCT FROM (
            -- A re-opened run without a start keeps the former one, also in a replay.
            CASE WHEN new.status = 'running' AND new.started_at IS NULL AND r.started_at_kept
                THEN r.started_at ELSE new.started_at END,
            new.duration_seconds
        ))
    THEN CASE
        WHEN %(kind)s = 'event' AND least(r.started_at, new.started_at) IS DISTINCT FROM r.started_at
        THEN 'started'
        WHEN %(clock)s = 'source' AND new.source_updated_at > coalesce(r.source_updated_at, '-infinity')
        THEN 'moved'
        ELSE 'unchanged'
    END
    WHEN CASE
        -- Without a version the last write wins, but an ended run never goes back to running.
        WHEN new.source_updated_at IS NULL THEN r.status = 'running' OR new.status <> 'running'
        WHEN r.source_updated_at IS NULL THEN true
        WHEN new.source_updated_at <> r.source_updated_at THEN new.source_updated_at > r.source_updated_at
        -- Equal versions have a fixed order, so that the order of arrival does not matter.
        ELSE (
            array_position(ARRAY['running', 'success', 'skipped', 'canceled', 'failed'], new.status::text),
            jsonb_build_array(
                CASE WHEN %(kind)s = 'snapshot' THEN jsonb_build_array(new.started_at, new.duration_seconds) END,
                new.finished_at, new.rows_processed, new.error_message, new.status_reason, new.payload,
                new.given_source_url
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
    WHEN %(kind)s = 'event' AND least(r.started_at, new.started_at) IS DISTINCT FROM r.started_at THEN 'started'
    ELSE 'stale'
END
