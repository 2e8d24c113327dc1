-- Whether a run (r) was decisive at state_at: it had succeeded or failed.
{decisive_now} AND {settled}
