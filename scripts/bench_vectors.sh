#!/usr/bin/env bash
# make bench-vectors: vector search over 100,000 real sentence embeddings, beside hnswlib and an exact search by numpy in the same
# run. The vectors are made once (scripts/vectors.py), which takes some minutes of a processor, and kept in .cache/vectors.
set -euo pipefail
cd "$(dirname "$0")/.."

DIR=.cache/vectors
mkdir -p "$DIR"
if [ ! -f "$DIR/installed" ]; then
  python3 -m venv "$DIR/venv"
  "$DIR/venv/bin/python" -m pip install -q --disable-pip-version-check numpy==2.4.6 onnxruntime==1.32.0 tokenizers==0.23.3 hnswlib==0.8.0
  touch "$DIR/installed"
fi
scripts/install.sh demo
"$DIR/venv/bin/python" scripts/vectors.py .cache/data/minilm.zip "$DIR"
lscpu | sed -n 's/^Model name: */processor: /p; s/^CPU(s): */processors: /p'
PINNACLE_BENCH_VECTORS=$PWD/$DIR/vectors.f32 go test ./datalayer/vector -run '^$' -bench 'Real/cosine' -benchtime 1x -timeout 60m | tee "$DIR/proxy.txt"
"$DIR/venv/bin/python" scripts/vectors_peer.py "$DIR/vectors.f32" "$DIR/proxy.txt"
