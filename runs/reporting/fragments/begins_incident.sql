-- Whether a failure begins another incident: more than an hour after the failure before it that has the same cause, or
-- more than 15 minutes for a vague cause.
failure.failing_since - lag(failure.failing_since) OVER (
    PARTITION BY failure.incident ORDER BY failure.failing_since, failure.pipeline_id
) > CASE WHEN failure.is_vague THEN interval '15 minutes' ELSE interval '1 hour' END
