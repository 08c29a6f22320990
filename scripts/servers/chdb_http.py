"""The part of ClickHouse's HTTP interface that tests need, over the engine in this process (chdb).

usage: chdb_http.py PORT DIRECTORY

Parameters of the URL are those of ClickHouse: query, query_id, database, and settings, which hold for one request. The
body is the statement, or what follows it. KILL QUERY forgets a statement that waits for its turn; one that runs goes on
to its end, for the engine cannot be stopped here.
"""

import os
import re
import signal
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chdb import session

PORT, DIRECTORY = int(sys.argv[1]), sys.argv[2]
CONTROL = {"query", "query_id", "database", "user", "password", "default_format", "wait_end_of_query"}
engine = session.Session(DIRECTORY)  # it stays, so that those of the requests are cheap
turn = threading.Lock()
state = threading.Condition()
waiting, killed = set(), set()


def literal(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, body, headers=()):
        self.send_response(code)
        for key, value in {"Content-Length": str(len(body)), **dict(headers)}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def statement(self):
        url = urllib.parse.urlsplit(self.path)
        given = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        text = body.decode("utf8", "surrogateescape")
        if "query" in given:
            text = given["query"] + "\n" + text if text else given["query"]
        return url.path, given, text

    def run(self, given, text):
        with session.Session(DIRECTORY) as one:
            if given.get("database"):
                one.query("USE `" + given["database"].replace("`", "") + "`")
            settings = [f"{key} = {literal(value)}" for key, value in given.items() if key not in CONTROL and key.isidentifier()]
            if settings:
                one.query("SET " + ", ".join(settings))
            result = one.query(text, given.get("default_format", "TabSeparated"))
            return bytes(result.bytes() or b"")

    def do(self):
        path, given, text = self.statement()
        if path == "/ping":
            return self.answer(200, b"Ok.\n")
        if match := re.match(r"(?i)KILL QUERY WHERE query_id = '([^']*)'", text):
            with state:
                killed.add(match[1])
                state.wait_for(lambda: match[1] not in waiting, 60)
                killed.discard(match[1])
            return self.answer(200, b"")
        name = given.get("query_id", "")
        with state:
            waiting.add(name)
        try:
            with turn:
                if name in killed:
                    raise RuntimeError("Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)")
                body = self.run(given, text)
        except Exception as e:
            match = re.search(r"Code: (\d+)", str(e))
            return self.answer(500, str(e).encode("utf8", "surrogateescape"), [("X-ClickHouse-Exception-Code", match[1] if match else "1002")])
        finally:
            with state:
                waiting.discard(name)
                state.notify_all()
        self.answer(200, body)

    do_GET = do_POST = do


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # connections that are kept open would be waited for
ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
