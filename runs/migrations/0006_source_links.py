from django.db import migrations, models

# The one place that inserts a run's id into a template; the API, the console and the views of `reporting` call it.
RUN_SOURCE_URL = r"""
CREATE FUNCTION run_source_url(given text, template text, external_run_id text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(given, replace(template, '{run_id}', CASE
        WHEN external_run_id ~ '^[A-Za-z0-9_.~-]*$' THEN external_run_id
        ELSE (
            SELECT string_agg(
                CASE WHEN letter ~ '[A-Za-z0-9_.~-]' THEN letter
                    ELSE upper(regexp_replace(encode(convert_to(letter, 'UTF8'), 'hex'), '(..)', '%\1', 'g')) END,
                '' ORDER BY place
            )
            FROM regexp_split_to_table(external_run_id, '') WITH ORDINALITY AS letters(letter, place)
        )
    END))
$$;
COMMENT ON FUNCTION run_source_url IS
    'Address of the page of a run at its source: the one that the source gave, else its pipeline''s template with the percent-encoded external_run_id';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0003_source_links"),
        ("runs", "0005_runs_by_external_id"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="given_source_url",
            field=models.TextField(
                blank=True,
                db_comment="Address of its page at the source where the source gives one; "
                "else the pipeline's template says it",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("given_source_url__isnull", True),
                    ("given_source_url__regex", r"^https?://[^\s/]"),
                    _connector="OR",
                ),
                name="runs_given_source_url_http",
                violation_error_message="given_source_url must be an http:// or https:// address.",
            ),
        ),
        migrations.RunSQL(RUN_SOURCE_URL, "DROP FUNCTION run_source_url"),
    ]
