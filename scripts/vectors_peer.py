#!/usr/bin/env python3
"""Searches the vectors of scripts/vectors.py with hnswlib and exactly with numpy, and compares with BenchmarkReal's figures.

    python scripts/vectors_peer.py vectors.f32 proxy.txt

hnswlib gets the same numbers of links and the same beam while it builds (M = 16, ef_construction = 96), and the width of the
beam of searches at which its recall is that of the proxy's index or better. All times are processor times.
"""
import re
import resource
import sys

import hnswlib
import numpy as np

WIDTH, QUERIES, JUDGED = 384, 1000, 300


def used():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime


def timed(do):
    began = used()
    result = do()
    return result, used() - began


def recall(truth, found):
    return float(np.mean([len(set(t) & set(f)) / len(t) for t, f in zip(truth, found)]))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    vectors = np.fromfile(sys.argv[1], "<f4").reshape(-1, WIDTH)
    data, queries = vectors[:-QUERIES], vectors[-QUERIES:]
    line = next(x for x in open(sys.argv[2]) if x.startswith("BenchmarkReal/cosine"))
    proxy = {unit: float(number) for number, unit in re.findall(r"([\d.e+-]+) (\S+)", line)}

    def exact():
        return [np.argpartition(-(data @ q), 10)[:10] for q in queries[:JUDGED]]

    truth, exact_time = timed(exact)
    index = hnswlib.Index(space="ip", dim=WIDTH)
    index.init_index(max_elements=len(vectors), M=16, ef_construction=96, random_seed=1)
    _, build = timed(lambda: index.add_items(data, num_threads=2))
    for width in (20, 30, 40, 50, 60, 80, 100, 130, 160, 200, 300, 400):
        index.set_ef(width)
        found, _ = timed(lambda: [index.knn_query(q, 10, num_threads=1)[0][0] for q in queries[:JUDGED]])
        if recall(truth, found) >= proxy["recall@10"]:
            break
    _, search = timed(lambda: [index.knn_query(q, 10, num_threads=1) for q in queries])
    _, add = timed(lambda: [index.add_items(q, num_threads=1) for q in queries])
    rows = [
        ("search, µs", proxy["cpu-µs-search"], search / QUERIES * 1e6), ("exact search, µs (numpy)", proxy["cpu-µs-exact"], exact_time / JUDGED * 1e6),
        ("add, µs", proxy["cpu-µs-add"], add / QUERIES * 1e6), ("build, s", proxy["cpu-s-build"], build),
        ("recall@10", proxy["recall@10"], recall(truth, found)), ("width of the beam", proxy["width"], width),
    ]
    print(f"{len(data)} vectors of {WIDTH}, processor time{'':10}{'proxy':>12}{'peer':>12}{'ratio':>8}")
    for name, own, peer in rows:
        print(f"{name:44}{own:12.3f}{peer:12.3f}{own / peer:8.2f}")
    print(f"{'recall@10 under a filter of 1 %':44}{proxy['recall@10-of-1%']:12.3f}")


main()
