"""The bridge between pinnacle-proxy and a Dask cluster: runs ONNX graphs on the cluster's workers.

    python -c <this file> ADDRESS TIMEOUT_SECONDS

A frame, both ways, is the length of its header (uint32, little endian), the length of its payload (uint64, little
endian), the header (JSON) and the payload. The first frame says that the cluster was reached, or why not. Then each
request gets one answer with its id, in any order:

    open    {id, op, digest, output, batch, threads}        payload: the model's file
    run     {id, op, digest, output, batch, threads, inputs: [{name, width, dtype}]}
            payload: an Arrow stream with a column an input
    cancel  {id, op, of}                                    no answer; the request `of` is given up
    close   {id, op, digest}                                no answer

The file of a model goes to each worker once, by its digest, however many open it: as a worker plugin that the scheduler
also gives to workers that come later. The last close takes it away. A worker that dies in the middle of a batch has it
done by another one: that is Dask's own doing. When the scheduler is gone, all requests fail and the bridge ends; it also
ends at the end of its input.
"""

import json
import os
import struct
import sys
import threading


class OnnxPlugin:
    """Holds a model's file on a worker, and the sessions made of it."""

    def __init__(self, name, data):
        self.name = name
        self.data = data

    def setup(self, worker):
        import threading

        self.lock = threading.Lock()
        self.sessions = {}

    def __getstate__(self):
        return {"name": self.name, "data": self.data}

    def session(self, threads):
        """The session with so many threads to a run; runs may share it."""
        import onnxruntime

        with self.lock:
            if threads not in self.sessions:
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = threads
                options.inter_op_num_threads = 1
                options.log_severity_level = 4
                self.sessions[threads] = onnxruntime.InferenceSession(
                    self.data, options, providers=["CPUExecutionProvider"]
                )
            return self.sessions[threads]


def on_worker(header, payload):
    """Runs on a worker: answers (header, payload)."""
    import numpy as np
    import pyarrow as pa
    from distributed import get_worker

    plugin = get_worker().plugins.get("pinnacle-onnx-" + header["digest"])
    if plugin is None:
        return {"absent": True}, b""
    try:
        import onnxruntime
    except ImportError as e:
        return {"error": "a Dask worker cannot import onnxruntime: %s" % e, "code": "58P01"}, b""
    try:
        session = plugin.session(header["threads"])
    except Exception as e:
        return {"error": str(e)[:2000], "code": "22023", "version": onnxruntime.__version__}, b""
    if header["op"] == "open":
        return {"version": onnxruntime.__version__}, b""

    def matrix(column, spec):
        flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if spec["width"]:
            flat = flat.flatten()
        if spec["dtype"] == "string":
            values = np.array(flat.to_pylist(), dtype=object)
        else:
            values = flat.to_numpy(zero_copy_only=False)
            if spec["dtype"] == "bool":
                values = values.astype(bool)
        return values.reshape(-1, spec["width"]) if spec["width"] else values

    table = pa.ipc.open_stream(payload).read_all()
    feeds = {s["name"]: matrix(table.column(i), s) for i, s in enumerate(header["inputs"])}
    rows, step = table.num_rows, header["batch"] or table.num_rows
    parts = []
    try:
        for at in range(0, rows, step):
            feed = {name: values[at : at + step] for name, values in feeds.items()}
            parts.append(session.run([header["output"]], feed)[0])
    except Exception as e:
        return {"error": str(e)[:2000], "code": "38000"}, b""

    if isinstance(parts[0], list):  # ZipMap: a dictionary a row
        kind = next(o.type for o in session.get_outputs() if o.name == header["output"])
        maps = [m for part in parts for m in part]
        answer = pa.table(
            {
                "labels": pa.array([[str(k) for k in m] for m in maps], pa.list_(pa.string())),
                "probabilities": pa.array([list(m.values()) for m in maps], pa.list_(pa.float64())),
            }
        )
        about = {"maps": True, "bits": 64 if "double" in kind else 32}
    else:
        values = parts[0] if len(parts) == 1 else np.concatenate(parts)
        about = {"dims": list(values.shape), "dtype": "string" if values.dtype == object else values.dtype.name}
        flat = np.ascontiguousarray(values).reshape(-1)
        if flat.dtype == bool:
            flat = flat.astype(np.uint8)
        answer = pa.table({"values": pa.array(flat, pa.string()) if flat.dtype == object else pa.array(flat)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, answer.schema) as writer:
        writer.write_table(answer)
    return about, sink.getvalue().to_pybytes()


class Bridge:
    """Answers the requests of one proxy."""

    def __init__(self, out):
        self.out = out
        self.writing = threading.Lock()
        self.state = threading.Lock()
        self.futures = {}  # by the request's id
        self.opening = {}  # digests of opens under way, by the request's id
        self.models = {}  # files by digest, and how many have opened them
        self.client = None

    def reply(self, header, payload=b""):
        text = json.dumps(header).encode()
        with self.writing:
            self.out.write(struct.pack("<IQ", len(text), len(payload)))
            self.out.write(text)
            self.out.write(payload)
            self.out.flush()

    def connect(self, address, timeout):
        try:
            import distributed
            import pyarrow
        except ImportError as e:
            self.reply({"error": "Python cannot import what the bridge needs: %s" % e, "code": "58P01"})
            return False
        self.distributed = distributed
        try:
            self.client = distributed.Client(address, timeout=timeout, set_as_default=False, name="pinnacle-proxy")
        except Exception as e:
            self.reply({"error": str(e)[:500] or type(e).__name__, "code": "08001"})
            return False
        self.reply({"ready": True, "distributed": distributed.__version__, "threads": self.threads()})
        return True

    def threads(self):
        """How many tasks the cluster runs at once."""
        return sum(self.client.nthreads().values())

    def ship(self, digest):
        """Gives a model's file to all workers, those that come later too."""
        plugin_class = type("OnnxPlugin", (OnnxPlugin, self.distributed.WorkerPlugin), {})
        name = "pinnacle-onnx-" + digest
        with self.state:
            data = self.models[digest][0]
        self.client.register_plugin(plugin_class(name, data), name=name)

    def take(self, digest, data):
        """Counts who opens a model's file; the first has it sent to the workers."""
        with self.state:
            first = digest not in self.models
            held = self.models.setdefault(digest, [data, 0])
            held[1] += 1
        if first:
            try:
                self.ship(digest)
            except Exception:
                self.give_back(digest)
                raise

    def give_back(self, digest):
        """Counts who closes it; the last has the workers forget it."""
        with self.state:
            held = self.models.get(digest)
            if held is None:
                return
            held[1] -= 1
            if held[1] > 0:
                return
            del self.models[digest]
        self.client.unregister_worker_plugin("pinnacle-onnx-" + digest)

    def submit(self, header, payload, again=False):
        """Begins a request's task; its callback answers."""
        future = self.client.submit(on_worker, header, payload, pure=False)
        with self.state:
            self.futures[header["id"]] = future
        future.add_done_callback(lambda f: self.done(header, payload, f, again))

    def done(self, header, payload, future, again):
        try:
            about, answer = self.result(header, payload, future, again)
        except Exception as e:
            about, answer = {"error": type(e).__name__, "code": "58000"}, b""
        if about is not None:
            with self.state:
                self.futures.pop(header["id"], None)
                opening = self.opening.pop(header["id"], None)
            if opening is not None and "error" in about:  # nobody will close it
                threading.Thread(target=self.give_back, args=(opening,), daemon=True).start()
            about["id"] = header["id"]
            self.reply(about, answer)

    def result(self, header, payload, future, again):
        """The answer to a request, or None if it was begun again."""
        if future.status == "cancelled":
            with self.state:
                given_up = header["id"] not in self.futures
            if given_up:
                return None, b""
            return {"error": "the connection to the scheduler was lost", "code": "08006"}, b""
        if future.status == "error":
            e = future.exception()
            kind = type(e).__name__
            if kind == "KilledWorker":
                return {"error": "the workers that ran it died, one after the other", "code": "58000"}, b""
            return {"error": "%s: %s" % (kind, str(e)[:500]), "code": "58000"}, b""
        about, answer = future.result()
        if about.pop("absent", False):
            if again:
                return {"error": "a worker has no copy of the model's file", "code": "58000"}, b""
            threading.Thread(target=self.ship_again, args=(header, payload), daemon=True).start()
            return None, b""
        if header["op"] == "open" and "error" not in about:
            about["threads"] = self.threads()
        return about, answer

    def ship_again(self, header, payload):
        """Another client of the cluster has taken the file away: sends it and begins the task once more."""
        try:
            self.ship(header["digest"])
            self.submit(header, payload, again=True)
        except Exception as e:
            self.reply({"id": header["id"], "error": str(e)[:500], "code": "08006"})

    def handle(self, header, payload):
        op, digest = header["op"], header.get("digest")
        if op == "cancel":
            with self.state:
                future = self.futures.pop(header["of"], None)
                opening = self.opening.pop(header["of"], None)
            if future is not None:
                future.cancel()
            if opening is not None:  # nobody will close it
                self.give_back(opening)
            return
        if op == "close":
            self.give_back(digest)
            return
        try:
            if op == "open":
                self.take(digest, payload)
                with self.state:
                    self.opening[header["id"]] = digest
                payload = b""
            self.submit(header, payload)
        except Exception as e:
            self.reply({"id": header["id"], "error": str(e)[:500] or type(e).__name__, "code": "08006"})
            if self.client.status not in ("running", "connecting", "newly-created"):
                os._exit(3)


def main():
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print goes to standard error
    bridge = Bridge(out)
    if not bridge.connect(sys.argv[1], float(sys.argv[2])):
        return 1
    inputs = sys.stdin.buffer
    while True:
        head = inputs.read(12)
        if len(head) < 12:
            return 0
        header_length, payload_length = struct.unpack("<IQ", head)
        header = json.loads(inputs.read(header_length))
        payload = inputs.read(payload_length)
        if len(payload) < payload_length:
            return 0
        bridge.handle(header, payload)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # threads of the client's event loop would hold the process back
