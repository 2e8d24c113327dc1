"""python -m tools.bench.bytes_per_run URL: print the bytes per run of the table `runs` and of each of its indexes."""

import sys

import psycopg

SIZES = """
SELECT 'rows', pg_table_size('runs')
UNION ALL
SELECT i.relname, pg_relation_size(i.oid)
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'runs'::regclass
ORDER BY 2 DESC
"""


def table(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        runs = connection.execute("SELECT count(*) FROM runs").fetchall()[0][0]
        parts = [(name, size / max(runs, 1)) for name, size in connection.execute(SIZES).fetchall()]
    lines = [f"{runs:,} runs:", "", "| | bytes per run |", "|---|--:|"]
    lines += [f"| {name} | {size:.1f} |" for name, size in parts]
    return [*lines, f"| together | {sum(size for _, size in parts):.1f} |"]


if __name__ == "__main__":
    print("\n".join(table(sys.argv[1])))
