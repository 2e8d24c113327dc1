-- Whether a run (r) is decisive in its stored state: it succeeded or failed. Other runs do not decide whether the
-- pipeline is failing.
r.status IN ('success', 'failed')
