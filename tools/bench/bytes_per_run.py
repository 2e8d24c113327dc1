"""Print the bytes per run of the table `runs` and of each of its indexes: `python -m tools.bench.bytes_per_run URL`."""

import argparse

import psycopg

TABLE_AND_INDEX_SIZES_SQL = """
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
        run_count = connection.execute("SELECT count(*) FROM runs").fetchall()[0][0]
        sizes = [
            (name, size / max(run_count, 1)) for name, size in connection.execute(TABLE_AND_INDEX_SIZES_SQL).fetchall()
        ]
    lines = [f"{run_count:,} runs:", "", "| | bytes per run |", "|---|--:|"]
    lines += [f"| {name} | {size:.1f} |" for name, size in sizes]
    return [*lines, f"| together | {sum(size for _, size in sizes):.1f} |"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", metavar="URL", help="address of a database with runs")
    print("\n".join(table(parser.parse_args().url)))


if __name__ == "__main__":
    main()
