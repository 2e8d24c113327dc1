-- Whether a failure (found) begins so long after the one before it, with the same cause, that it is another incident.
found.failing_since - lag(found.failing_since) OVER (
    PARTITION BY found.incident ORDER BY found.failing_since, found.pipeline_id
) > CASE WHEN found.is_vague THEN interval '15 minutes' ELSE interval '1 hour' END
