-- Whether a failure begins a new incident: it began more than an hour after the beginning of the previous
-- failure with the same cause.
-- Example: failures at 12:00, 12:50 and 14:00 are two incidents, and the second one begins at 14:00. For a vague cause
-- the limit is 15 minutes instead of an hour. The first failure has no previous one, so the result is null.
failure.failing_since - lag(failure.failing_since) OVER (
    PARTITION BY failure.incident ORDER BY failure.failing_since, failure.pipeline_id
) > CASE WHEN failure.is_vague THEN interval '15 minutes' ELSE interval '1 hour' END
