-- Whether a masked error (cause.masked) is vague: it is empty, or has only words that can occur in any error.
regexp_replace(
    cause.masked,
    '\y(?:the|an?|of|in|on|at|by|for|to|with|from|and|or|is|was|were|has|have|had|been|be|not|non|zero|no|its?|this|that|see|more|details?|logs?|output|above|below|check|please|as|while|during|\w*errors?|\w*exception|failed|failures?|fails?|failing|errored|unsuccessful|tasks?|jobs?|runs?|flows?|steps?|ops?|dags?|pipelines?|process|command|bash|shell|script|execution|executing|executed|occurred|encountered|completed|finished|ended|terminated|exit|exited|exitcode|returned|return|code|status|state|unknown|internal|unexpected|something|went|wrong|airflow|prefect|dagster|dbt|python|traceback|most|recent|call|last|handling|another|following|reason|reported|marked|instance|worker|try|tries|attempts?|retry|retries|none|null)\y',
    '', 'g'
) !~ '\w'
