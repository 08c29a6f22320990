"""scikit-learn's figures for the cases on standard input, one JSON object a line, as JSON lines.

    python reference.py <cases.jsonl >golden.jsonl

A case has targets and answers (lists), metrics (names), and positive (a label, or null). An outcome has a value for each
metric: a number, null where scikit-learn says that it is not defined, or "error" where it refuses.
"""

import json
import sys
import warnings

import numpy
from sklearn import metrics

PLAIN = {
    "accuracy": metrics.accuracy_score,
    "roc_auc": metrics.roc_auc_score,
    "log_loss": metrics.log_loss,
    "mae": metrics.mean_absolute_error,
    "rmse": metrics.root_mean_squared_error,
    "r2": metrics.r2_score,
}
AVERAGED = {"precision": metrics.precision_score, "recall": metrics.recall_score, "f1": metrics.f1_score}


def value(name, targets, answers, positive):
    if name == "confusion_matrix":
        return metrics.confusion_matrix(targets, answers).tolist()
    if name in PLAIN:
        if name == "roc_auc" and answers.ndim == 2:
            answers = answers[:, 1]
        return float(PLAIN[name](targets, answers))
    base, average = name.split("_")
    label = {} if positive is None else {"pos_label": positive}
    return float(AVERAGED[base](targets, answers, average=average, **label))


def outcome(case):
    targets, answers = numpy.array(case["targets"]), numpy.array(case["answers"])
    out = {}
    for name in case["metrics"]:
        try:
            v = value(name, targets, answers, case.get("positive"))
            out[name] = None if isinstance(v, float) and v != v else v
        except ValueError:
            out[name] = "error"
    return out


warnings.simplefilter("ignore")
for line in sys.stdin:
    print(json.dumps(outcome(json.loads(line))), flush=True)
