"""Compares what predict answers over all flights with examples/flights/expected.json, which scikit-learn made.

It asks through psql, which finds the proxy by the PG… variables, and exits with 1 where an answer is another.
"""

import collections
import json
import pathlib
import subprocess
import sys

CALL = "predict('late', dep_delay, distance, hour, month)"


def ask(query: str) -> list[str]:
    """The rows of a query, one string each; NULL is \\N."""
    command = ["psql", "-X", "-w", "-q", "-At", "-P", "null=\\N", "-v", "ON_ERROR_STOP=1", "-c", query]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def main() -> None:
    """Prints each figure with what was expected."""
    expected = json.loads(pathlib.Path("examples/flights/expected.json").read_text())
    labels = collections.Counter(ask(f"SELECT {CALL} FROM flights"))
    march = ask(f"SELECT flight FROM flights WHERE month = 3 AND {CALL} = 1")
    got = {
        "flights": sum(labels.values()),
        "null": labels["\\N"],
        "on_time": labels["0"],
        "late": labels["1"],
        "late_in_march": len(march),
    }
    wrong = [name for name in got if got[name] != expected[name]]
    for name, value in got.items():
        print(f"{name:>14} {value:>7}  {'as expected' if name not in wrong else f'expected {expected[name]}'}")
    if wrong:
        sys.exit("SQL does not give what the trained model gave")


if __name__ == "__main__":
    main()
