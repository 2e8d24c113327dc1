-- Whether a run (r) says if its pipeline works. Running, canceled and skipped ones do not.
r.status IN ('success', 'failed') AND {settled}
