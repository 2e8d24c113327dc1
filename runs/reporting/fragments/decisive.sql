-- Whether a run (r) was decisive at known_until: it had succeeded or failed by then.
{decided} AND {settled}
