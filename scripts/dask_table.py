"""Makes a table of what BenchmarkCompute of udf/dask prints (make bench-dask).

Each line compares the same batches in the proxy's process and on the cluster. "pays from" is a judgement by rows a second:
the cluster's over those of a local pool of one processor, which two workers can double at most.
"""

import re
import sys

LINE = re.compile(r"^BenchmarkCompute/turns=(\d+)/rows=(\d+)/(\w+-\d+?)(?:-\d+)?\s+\d+\s+(.*)$")


def main() -> None:
    """Reads the benchmark's output and prints it as Markdown."""
    figures: dict[tuple[int, int], dict[str, dict[str, float]]] = {}
    for line in sys.stdin:
        if line.startswith(("FAIL", "---", "panic")) or "bench_test.go" in line:
            sys.exit(line)
        if m := LINE.match(line):
            units = {unit: float(number) for number, unit in re.findall(r"([\d.e+-]+) (\S+)", m[4].replace("\t", " "))}
            figures.setdefault((int(m[1]), int(m[2])), {})[m[3]] = units
    if not figures:
        sys.exit("the benchmark has printed no figures: it was skipped, or has failed")
    print("| a row here | rows a batch | 1 processor here, rows/s | all here, rows/s | 2 workers, rows/s | 2 workers : 1 here | proxy's side a row, here → Dask | cluster's side a row |")
    print("|---|---|---|---|---|---|---|---|")
    for (_, rows), by in sorted(figures.items()):
        one, cluster = by["local-1"], by["dask-2"]
        every = max((k for k in by if k.startswith("local")), key=lambda k: int(k.split("-")[1]))
        cost = one["cpu-µs/row-proxy"]
        print(f"| {cost:.3g} µs | {rows} | {one['rows/s']:.3g} | {by[every]['rows/s']:.3g} | {cluster['rows/s']:.3g} | {cluster['rows/s'] / one['rows/s']:.2f} "
              f"| {cost:.3g} → {cluster['cpu-µs/row-proxy']:.3g} µs | {cluster['cpu-µs/row-cluster']:.3g} µs |")


main()
