"""Makes the models of this directory and expected.json, what they answer in Python.

    python3 -m venv venv
    venv/bin/pip install onnxruntime==1.31.1 scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2
    venv/bin/python make.py

Each model is small (under 20 kB) and stands for one shape of inputs and outputs. The expected answers come from
scikit-learn where there is a fitted model, from ONNX Runtime's own Python where the graph is written by hand.
"""

import json
import os
import warnings

import numpy as np
import onnx
from onnx import TensorProto as T, helper as h
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import BooleanTensorType, FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
OPSET = 17
expected = {}


def save(name, model):
    """Writes a model, with an IR version that every supported library reads."""
    model.ir_version = min(model.ir_version, 9)
    data = model.SerializeToString()
    assert len(data) < 20_000, (name, len(data))
    with open(os.path.join(HERE, name + ".onnx"), "wb") as f:
        f.write(data)


def plain(x):
    """A JSON value: NaN and infinity as strings."""
    if isinstance(x, dict):
        return {str(k): plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, np.ndarray)):
        return [plain(v) for v in x]
    if isinstance(x, (float, np.floating)):
        return float(x) if np.isfinite(x) else str(x)
    if isinstance(x, (bool, np.bool_)):
        return bool(x)
    if isinstance(x, (int, np.integer)):
        return int(x)
    return str(x)


def case(name, args, **answers):
    """Notes the arguments, column by column, and the answer of each output."""
    expected[name] = {"args": [plain(a) for a in args], "answers": {k: plain(v) for k, v in answers.items()}}


def run(name, feed):
    return onnxruntime.InferenceSession(os.path.join(HERE, name + ".onnx")).run(None, feed)


iris = load_iris()
X = iris.data.astype(np.float32)
names = iris.target_names[iris.target].astype(object)
rows = X[[0, 7, 55, 60, 90, 120, 149]]
columns = list(rows.T)

# A matrix of floats; int64 labels; probabilities as a tensor and as ZipMap's sequence of maps.
lr = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X, iris.target)
save("label_int", to_onnx(lr, X[:1], target_opset=OPSET, options={"zipmap": False}))
case("label_int", columns, label=lr.predict(rows), probabilities=lr.predict_proba(rows))
save("label_int_zipmap", to_onnx(lr, X[:1], target_opset=OPSET))
case("label_int_zipmap", columns, label=lr.predict(rows),
     probabilities=[dict(zip(lr.classes_, p)) for p in lr.predict_proba(rows)])

# Labels that are strings.
ls = LogisticRegression(max_iter=500).fit(X, names)
save("label_text", to_onnx(ls, X[:1], target_opset=OPSET, options={"zipmap": False}))
case("label_text", columns, label=ls.predict(rows), probabilities=ls.predict_proba(rows))
save("label_text_zipmap", to_onnx(ls, X[:1], target_opset=OPSET))
case("label_text_zipmap", columns, label=ls.predict(rows),
     probabilities=[dict(zip(ls.classes_, p)) for p in ls.predict_proba(rows)])

# A small ensemble of trees, whose metadata names its features.
gb = GradientBoostingClassifier(n_estimators=5, max_depth=2, random_state=0).fit(X, iris.target)
trees = to_onnx(gb, X[:1], target_opset=OPSET, options={"zipmap": False})
h.set_model_props(trees, {"feature_names": json.dumps(["sepal_length", "sepal_width", "petal_length", "petal_width"])})
save("trees", trees)
case("trees", columns, label=gb.predict(rows), probabilities=gb.predict_proba(rows))

# A regressor, in float and in double.
reg = LinearRegression().fit(X[:, :3], X[:, 3])
save("regressor", to_onnx(reg, X[:1, :3], target_opset=OPSET))
case("regressor", columns[:3], variable=reg.predict(rows[:, :3]))
X64 = iris.data
reg64 = LinearRegression().fit(X64[:, :3], X64[:, 3])
rows64 = X64[[0, 7, 55, 60, 90, 120, 149]]
save("regressor_double", to_onnx(reg64, X64[:1, :3], target_opset=OPSET))
case("regressor_double", list(rows64[:, :3].T), variable=reg64.predict(rows64[:, :3]))

# One input a column, of several types: text and boolean through a one-hot encoder, floats scaled.
rng = np.random.default_rng(1)
n = 200
carrier = rng.choice(["AA", "UA", "Ünïted", ""], n).astype(object)
wet = rng.random(n) < 0.4
delay = (rng.normal(10, 20, n)).astype(np.float32)
late = (delay + 10 * (carrier == "UA") + 8 * wet + rng.normal(0, 3, n) > 15).astype(np.int64)
table = np.empty((n, 3), dtype=object)
table[:, 0], table[:, 1], table[:, 2] = carrier, delay, wet.astype(np.float32)
mixed = make_pipeline(
    ColumnTransformer([("c", OneHotEncoder(handle_unknown="ignore"), [0]), ("d", StandardScaler(), [1, 2])]),
    LogisticRegression(),
).fit(table, late)
mixed_model = to_onnx(
    mixed,
    initial_types=[("carrier", StringTensorType([None, 1])), ("delay", FloatTensorType([None, 1])),
                   ("wet", FloatTensorType([None, 1]))],
    target_opset=OPSET,
    options={"zipmap": False},
)
# skl2onnx takes no boolean input here; a Cast in front of the graph makes one.
graph = mixed_model.graph
for i in graph.input:
    if i.name == "wet":
        i.type.tensor_type.elem_type = T.BOOL
for node in graph.node:
    for k, name in enumerate(node.input):
        if name == "wet":
            node.input[k] = "wet_float"
graph.node.insert(0, h.make_node("Cast", ["wet"], ["wet_float"], to=T.FLOAT))
save("mixed", mixed_model)
pick = [0, 1, 2, 3, 4, 5, 6, 7]
case("mixed", [carrier[pick], delay[pick], wet[pick]],
     label=mixed.predict(table[pick]), probabilities=mixed.predict_proba(table[pick]))


def graph_model(name, nodes, inputs, outputs, init=(), opset=OPSET, **feed):
    """A model whose graph is written by hand, with the answers of ONNX Runtime if it is fed."""
    g = h.make_graph(nodes, name, [h.make_tensor_value_info(*i) for i in inputs],
                     [h.make_tensor_value_info(*o) for o in outputs], list(init))
    save(name, h.make_model(g, opset_imports=[h.make_opsetid("", opset)]))
    if feed:
        got = run(name, feed)
        args = []
        for i in inputs:
            a = feed[i[0]]
            args.extend(a.reshape(len(a), -1).T)
        case(name, args, **{o[0]: (v[:, 0] if v.ndim == 2 and v.shape[1] == 1 else v) for o, v in zip(outputs, got)})


f4 = np.array([[1, 2], [3, 4], [5, 6], [-7, 8], [0.5, -0.25]], dtype=np.float32)

# A batch dimension fixed at 4.
graph_model("fixed_batch", [h.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=1)],
            [("x", T.FLOAT, [4, 2])], [("sum", T.FLOAT, [4, 1])],
            [h.make_tensor("axes", T.INT64, [1], [1])])
case("fixed_batch", list(f4.T), sum=f4.sum(axis=1))

# One input a column without a second dimension, of int32, int64 and bool.
graph_model("vectors",
            [h.make_node("Cast", ["a"], ["a64"], to=T.INT64), h.make_node("Cast", ["c"], ["c64"], to=T.INT64),
             h.make_node("Add", ["a64", "b"], ["ab"]), h.make_node("Mul", ["ab", "c64"], ["total"]),
             h.make_node("Not", ["c"], ["flipped"])],
            [("a", T.INT32, ["n"]), ("b", T.INT64, ["n"]), ("c", T.BOOL, ["n"])],
            [("total", T.INT64, ["n"]), ("flipped", T.BOOL, ["n"])],
            a=np.array([1, -2, 2**31 - 1], np.int32), b=np.array([10, 20, 2**40], np.int64),
            c=np.array([True, False, True]))

# The other element types that a tensor can have.
graph_model("small_ints",
            [h.make_node("Cast", [k], [k + "_f"], to=T.DOUBLE) for k in ("i8", "u8", "i16", "u16", "u32")]
            + [h.make_node("Sum", [k + "_f" for k in ("i8", "u8", "i16", "u16", "u32")], ["sum"])],
            [("i8", T.INT8, ["n"]), ("u8", T.UINT8, ["n"]), ("i16", T.INT16, ["n"]), ("u16", T.UINT16, ["n"]),
             ("u32", T.UINT32, ["n"])],
            [("sum", T.DOUBLE, ["n"])],
            i8=np.array([-128, 1], np.int8), u8=np.array([255, 1], np.uint8), i16=np.array([-32768, 1], np.int16),
            u16=np.array([65535, 1], np.uint16), u32=np.array([4294967295, 1], np.uint32))

# What goes in comes out: NaN, the infinities, an embedding's list, text.
graph_model("echo_float", [h.make_node("Identity", ["x"], ["y"])],
            [("x", T.FLOAT, ["n", 2])], [("y", T.FLOAT, ["n", 2])],
            x=np.array([[1, np.nan], [np.inf, -np.inf], [1e-45, 3.4e38]], np.float32))
graph_model("echo_text", [h.make_node("Identity", ["s"], ["t"])],
            [("s", T.STRING, ["n", 1])], [("t", T.STRING, ["n", 1])],
            s=np.array([["a"], [""], ["Ünï\n"]], dtype=object))

# A number of features that only the statement can tell.
graph_model("any_width", [h.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=0)],
            [("x", T.FLOAT, ["n", "k"])], [("sum", T.FLOAT, ["n"])],
            [h.make_tensor("axes", T.INT64, [1], [1])], x=f4)

# A run that lasts minutes: one large product of matrices after another.
loop_body = h.make_graph(
    [h.make_node("Identity", ["going"], ["go_on"]), h.make_node("MatMul", ["m", "m"], ["mm"]),
     h.make_node("Clip", ["mm", "zero", "one"], ["m_next"])],
    "body",
    [h.make_tensor_value_info("i", T.INT64, []), h.make_tensor_value_info("going", T.BOOL, []),
     h.make_tensor_value_info("m", T.FLOAT, [200, 200])],
    [h.make_tensor_value_info("go_on", T.BOOL, []), h.make_tensor_value_info("m_next", T.FLOAT, [200, 200])],
    [h.make_tensor("zero", T.FLOAT, [], [0]), h.make_tensor("one", T.FLOAT, [], [1])])
graph_model("slow",
            [h.make_node("ConstantOfShape", ["size"], ["start"], value=h.make_tensor("v", T.FLOAT, [1], [0.001])),
             h.make_node("Loop", ["trips", "", "start"], ["m_end"], body=loop_body),
             h.make_node("ReduceSum", ["m_end"], ["s"], keepdims=0), h.make_node("Add", ["x", "s"], ["y"])],
            [("x", T.FLOAT, ["n"])], [("y", T.FLOAT, ["n"])],
            [h.make_tensor("size", T.INT64, [2], [200, 200]), h.make_tensor("trips", T.INT64, [], [10_000_000])])

# As many turns as the largest of a batch asks for, of some 5 ns a row each: a model of any cost.
turn_body = h.make_graph(
    [h.make_node("Identity", ["going"], ["go_on"]), h.make_node("Sin", ["v"], ["v_next"])], "body",
    [h.make_tensor_value_info("i", T.INT64, []), h.make_tensor_value_info("going", T.BOOL, []), h.make_tensor_value_info("v", T.FLOAT, ["n"])],
    [h.make_tensor_value_info("go_on", T.BOOL, []), h.make_tensor_value_info("v_next", T.FLOAT, ["n"])])
graph_model("costly",
            [h.make_node("ReduceMax", ["turns"], ["trips"], keepdims=0), h.make_node("Loop", ["trips", "", "x"], ["y"], body=turn_body)],
            [("x", T.FLOAT, ["n"]), ("turns", T.INT64, ["n"])], [("y", T.FLOAT, ["n"])])

# Models that must be refused, each with its reason.
graph_model("images", [h.make_node("Identity", ["x"], ["y"])],
            [("x", T.FLOAT, ["n", 3, 8, 8])], [("y", T.FLOAT, ["n", 3, 8, 8])])
graph_model("half", [h.make_node("Identity", ["x"], ["y"])],
            [("x", T.FLOAT16, ["n", 2])], [("y", T.FLOAT16, ["n", 2])])
bad = h.make_model(h.make_graph([h.make_node("Identity", ["x"], ["y"])], "newer",
                                [h.make_tensor_value_info("x", T.FLOAT, ["n", 2])],
                                [h.make_tensor_value_info("y", T.FLOAT, ["n", 2])]),
                   opset_imports=[h.make_opsetid("", 99)])
save("opset_99", bad)
bad.opset_import[0].version = OPSET
bad.ir_version = 99
with open(os.path.join(HERE, "ir_99.onnx"), "wb") as f:
    f.write(bad.SerializeToString())
outside = h.make_tensor("w", T.FLOAT, [2], [0, 0])
outside.ClearField("float_data")
outside.data_location = T.EXTERNAL
entry = outside.external_data.add()
entry.key, entry.value = "location", "weights.bin"
graph_model("external_data", [h.make_node("Add", ["x", "w"], ["y"])],
            [("x", T.FLOAT, ["n", 2])], [("y", T.FLOAT, ["n", 2])], [outside])
with open(os.path.join(HERE, "not_onnx.onnx"), "wb") as f:
    f.write(b"<!doctype html><title>404 Not Found</title>")

with open(os.path.join(HERE, "expected.json"), "w") as f:
    json.dump(expected, f, indent=1, ensure_ascii=False)
    f.write("\n")
