-- Whether a run (r) had succeeded or failed by known_until.
{decided} AND {settled}
