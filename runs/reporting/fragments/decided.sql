-- Whether a run (r) succeeded or failed. Running, canceled and skipped runs do not decide a pipeline's state.
r.status IN ('success', 'failed')
