-- Whether a run (r) is decisive: it succeeded or failed. Other runs do not decide whether the pipeline is failing.
r.status IN ('success', 'failed')
