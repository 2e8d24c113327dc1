-- The error of a run (r) of a pipeline (p) with # in place of parts that vary: ids, numbers, dates, addresses, paths,
-- quoted names, and the names of the pipeline and its client. The result is empty if the run has no text. Failures with
-- the same result on the same platform have the same cause.
(
    SELECT
        left(btrim(regexp_replace(
            -- Remove repeated lines, because several tasks with the same error have one cause.
            CASE
                WHEN strpos(without_varying.text, E'\n') > 0 THEN regexp_replace(without_varying.text, '^(.{1,250})(?:\n\1)+$', '\1', 'gn')
                ELSE without_varying.text
            END,
            '\s+', ' ', 'g')), 300)
        -- The status of an HTTP response is kept: 401 and 503 have different causes.
        || coalesce(' http ' || coalesce(
            substring(plain.text FROM '\y(?:https?|status|code|answered|returned|got)[ :=/(]*(?:[12]\.[01])?(?:code)?[ :=(]*([45]\d\d)\y'),
            substring(plain.text FROM '\y([45]\d\d) (?:bad|unauthorized|forbidden|not|request|too|internal|server|client|service|gateway)\y')
        ), '')
    FROM (SELECT coalesce(nullif(r.error_message, ''), r.status_reason, '') AS text) AS error
    CROSS JOIN LATERAL (
        SELECT lower(CASE
            -- Keep only the exceptions of a Python traceback, not its lines of code.
            WHEN strpos(error.text, 'Traceback (most recent call last)') > 0
                THEN regexp_replace(right(error.text, 4000), '(^|\n)[ \t]+[^\n]*', '', 'g')
            -- Remove rows and statements from the error of a database.
            ELSE regexp_replace(left(error.text, 2000), '\n\s*(?:DETAIL|HINT|CONTEXT):.*$', '')
        END) AS text
        OFFSET 0  -- computes the text once, although it is used more than once
    ) AS plain
    CROSS JOIN LATERAL (
        SELECT replace(replace(replace(
            -- Mask the name of the task, step or dbt node at the beginning of a line.
            regexp_replace(
                plain.text,
                '^(?:(task|step) [^\s:]+|(model|test|seed|snapshot|source|operation)\.[^\s:]+(?=:))', '\1\2 #', 'gn'
            ),
            CASE WHEN p.external_id ~ '[^a-zA-Z]' AND length(p.external_id) > 4 THEN lower(p.external_id) ELSE '' END, '#'),
            CASE WHEN p.pipeline_name ~ '[^a-zA-Z]' AND length(p.pipeline_name) > 4 THEN lower(p.pipeline_name) ELSE '' END, '#'),
            CASE WHEN length(p.client_name) > 3 THEN lower(p.client_name) ELSE '' END, '#') AS text
    ) AS without_names
    CROSS JOIN LATERAL (
        SELECT regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
            without_names.text,
            -- The host of a URL stays, because it is the system that did not answer.
            '(\w+://[^\s/''"?#]+)[^\s''"),\x3b]*', '\1', 'g'),
            '[\w.+-]+@[\w.-]+|(?<![/:\w.-])[\w.#-]*(?:/[\w.#-]+)+', '#', 'g'),
            '"[^"\n]*"|`[^`\n]*`|“[^”\n]*”|(?<!\w)''[^''\n]*''(?!\w)', '#', 'g'),
            '\y(model|table|relation|column|view|schema|database|warehouse|test|task|dag|op|step|job|flow|seed|snapshot|topic|bucket|queue|customer|user|role)\s+(?:[\w#-]*[._][\w.#-]*|[\w#-]+(?= \())', '\1 #', 'g'),
            '[\w-]*\d[\w-]*', '#', 'g'),
            '#([-+.,:\x3b/ \t]*#)+', '#', 'g') AS text
        OFFSET 0
    ) AS without_varying
)
