"""Trains malignant.onnx: is a breast tumour malignant, by 30 measures of its cell nuclei?

    python3 -m venv venv && venv/bin/pip install -r examples/requirements.txt
    venv/bin/python examples/breast_cancer/train.py

It writes malignant.onnx and expected.json beside itself, prints the cross-validated quality of the model, and stops
with an error when ONNX Runtime's labels differ from scikit-learn's on any row.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).parent


def main() -> None:
    """Trains, exports, and compares the two runtimes over the whole table."""
    data = load_breast_cancer()
    names = [name.replace(" ", "_") for name in data.feature_names]
    x = data.data.astype(np.float32)
    label = (data.target == 0).astype(np.int64)  # scikit-learn's 0 is malignant; here 1 is

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    score = cross_val_predict(model, x, label, cv=10, method="predict_proba")[:, 1]
    print(f"10-fold cross-validation over {len(x)} rows: accuracy {accuracy_score(label, score > 0.5):.4f}"
          f"  AUC {roc_auc_score(label, score):.4f}")
    model.fit(x, label)

    graph = to_onnx(model, x[:1], options={"zipmap": False}, target_opset={"": 15, "ai.onnx.ml": 3})
    onnx.helper.set_model_props(graph, {"feature_names": ",".join(names)})
    graph.graph.doc_string = "1 when a tumour is malignant"
    onnx.checker.check_model(graph)
    path = HERE / "malignant.onnx"
    path.write_bytes(graph.SerializeToString())
    print(f"{path.name}: {path.stat().st_size} bytes")

    got, proba = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"X": x})
    differ = int(np.sum(model.predict(x) != got))
    drift = float(np.max(np.abs(proba - model.predict_proba(x))))
    print(f"scikit-learn against ONNX Runtime over {len(x)} rows: {differ} labels differ, "
          f"probabilities by at most {drift:.1e}")
    expected = {"rows": len(x), "malignant": int(np.sum(got == 1)), "right": int(np.sum(got == label))}
    (HERE / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
    print(json.dumps(expected))
    if differ:
        sys.exit("the exported model does not answer as the trained one")


if __name__ == "__main__":
    main()
