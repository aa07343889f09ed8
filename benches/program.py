"""Measures the running program: size, start, idle memory of both roles, and an offline question over HTTP.

It uses the standard library and DuckDB (as a yardstick people know, on the same data in the same run), starts
everything in temp folders on this machine, and leaves nothing behind. Imports are measured by import*.py.

usage: program.py BINARY
"""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import duckdb

ROOT = pathlib.Path(__file__).resolve().parent.parent
IDLE_SECONDS = 10
STARTS = 5
ROUNDS = 25

# The suggested questions that DuckDB can be asked word for word in SQL.
QUESTIONS = [
    (
        "How many orders did each store have?",
        "SELECT s.store_name, count(*) FROM orders o JOIN stores s USING (store_id) GROUP BY 1",
    ),
    (
        "Show revenue by month in 2025",
        "SELECT date_trunc('month', ordered_at), sum(total_amount) FROM orders "
        "WHERE year(ordered_at) = 2025 GROUP BY 1 ORDER BY 1",
    ),
    (
        "What are the top 5 products by revenue?",
        "SELECT p.product_name, sum(o.total_amount) AS s FROM orders o JOIN products p USING (product_id) "
        "GROUP BY 1 ORDER BY 2 DESC LIMIT 5",
    ),
]

over_limit = []


def report(name, value, unit, limit=None, remark=""):
    """One line of the table; `limit` is the most it may be."""
    mark = ""
    if limit is not None:
        fits = value <= limit
        mark = f"limit {limit:g} {unit}" + ("" if fits else "   <-- OVER")
        if not fits:
            over_limit.append(name)
    print(f"  {name:<44} {value:>10.1f} {unit:<4} {mark}{remark}", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment():
    """Nothing of the machine's own configuration: the offline translator, embedded defaults."""
    unwanted = ("CUSTARD_", "OPENAI_", "DATABASE_URL", "SECRET_KEY", "DB_", "BACKEND_", "CONNECTION_ID")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}


def unlimited(role):
    """All requests come from one account here, faster than any person's; only a server knows these limits."""
    if role != "server":
        return {}
    return {"CUSTARD_LIMITS_ASK_PER_MINUTE": "0", "CUSTARD_LIMITS_EVERYTHING_PER_MINUTE": "0"}


@contextlib.contextmanager
def running(*command):
    """A process of the program, stopped at the end; its log is shown when it dies on its own."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=clean_environment() | unlimited(command[1]), stdout=log, stderr=log)
        try:
            yield process
            if process.poll() is not None:
                log.seek(0)
                sys.exit(f"{command[0]} {command[1]} ended by itself:\n{log.read().decode(errors='replace')}")
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until_healthy(port, process):
    """Seconds until /health answers 200; asks every millisecond."""
    began = time.monotonic()
    while time.monotonic() - began < 60 and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
                wire.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if b" 200 " in wire.recv(64):
                    return time.monotonic() - began
        except OSError:
            pass
        time.sleep(0.001)
    sys.exit("the server did not answer /health within a minute")


def resident_anonymous(process):
    """MB of memory that is the process's own (RssAnon)."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1000
    sys.exit("this system does not tell RssAnon")


class Api:
    """A signed-in owner on one kept connection."""

    def __init__(self, port):
        self.wire = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.token = None
        owner = {
            "name": "Bench",
            "email": "bench@example.com",
            "password": "a-long-bench-password",
            "organization": "Bench",
        }
        self.token = self.call("POST", "/api/v1/setup", owner)["access_token"]

    def call(self, method, path, body=None):
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        self.wire.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.wire.getresponse()
        text = answer.read()
        if answer.status >= 300:
            sys.exit(f"{method} {path} answered {answer.status}: {text[:500].decode(errors='replace')}")
        return json.loads(text) if text else None


def measure_start(binary, folder):
    first, later = [], []
    for number in range(STARTS):
        for times in (first, later):
            port = free_port()
            data = folder / f"start-{number}"
            began = time.monotonic()
            with running(binary, "server", "--listen", f"127.0.0.1:{port}", "--data-dir", data) as server:
                until_healthy(port, server)
                times.append((time.monotonic() - began) * 1000)
    report("server start to /health, new data folder", statistics.median(first), "ms", 300)
    report("server start to /health, later", statistics.median(later), "ms", 300)


def measure_questions(api):
    for path in sorted((ROOT / "assets/samples").glob("*.csv")):
        if path.stem != "questions":
            duckdb.sql(f"CREATE TABLE {path.stem} AS FROM read_csv('{path}')")
    api.call("POST", "/api/v1/samples")
    ours, theirs = [], []
    for question, sql in QUESTIONS:
        times, inside = [], []
        for _ in range(ROUNDS):
            began = time.monotonic()
            answer = api.call("POST", "/api/v1/query", {"question": question})
            times.append((time.monotonic() - began) * 1000)
            inside.append(answer["elapsed_ms"]["total"])
            if answer["outcome"] != "answered":
                sys.exit(f"{question!r} was not answered: {answer['outcome']}, {answer['answer']}")
        bare = []
        for _ in range(ROUNDS):
            began = time.monotonic()
            duckdb.sql(sql).fetchall()
            bare.append((time.monotonic() - began) * 1000)
        ours += times
        theirs += bare
        remark = f"DuckDB, SQL only: {statistics.median(bare):.1f} ms"
        report(question, statistics.median(times), "ms", None, remark)
    report("offline question over HTTP, median of all", statistics.median(ours), "ms", 100)
    print(f"  {'':<44} {statistics.median(ours) / statistics.median(theirs):>10.1f} x    DuckDB running the SQL alone")


def main():
    binary = shutil.which(sys.argv[1])
    if binary is None:
        sys.exit(f"{sys.argv[1]} is no program")
    binary = os.path.abspath(binary)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="custard-bench-"))
    print(f"{binary}\nload before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    try:
        report("binary", os.path.getsize(binary) / 1e6, "MB", 240)
        measure_start(binary, folder)
        port = free_port()
        address = f"127.0.0.1:{port}"
        with running(binary, "server", "--listen", address, "--data-dir", folder / "data") as server:
            until_healthy(port, server)
            time.sleep(IDLE_SECONDS)
            report(f"server, idle {IDLE_SECONDS} s after start, RssAnon", resident_anonymous(server), "MB", 60)
            api = Api(port)
            connection = api.call("POST", "/api/v1/connections", {"name": "bench", "db_type": "POSTGRESQL"})
            (folder / "key").write_text(connection["api_key"])
            # Nothing listens there: what is measured is the agent itself, held by its server.
            (folder / "source").write_text("postgres://nobody@127.0.0.1:1/none")
            agent_command = [binary, "agent", "--server", f"http://{address}", "--connection", connection["id"]]
            agent_command += ["--key-file", folder / "key", "--source-file", folder / "source"]
            with running(*agent_command) as agent:
                time.sleep(IDLE_SECONDS)
                # The server has closed the idle connection meanwhile; the next call opens another.
                api.wire.close()
                status = api.call("GET", f"/api/v1/connections/{connection['id']}/status")
                if status["agent"] != "online":
                    sys.exit("the agent did not come online")
                report(f"agent, idle {IDLE_SECONDS} s after start, RssAnon", resident_anonymous(agent), "MB", 20)
            measure_questions(api)
            report("server after these questions, RssAnon", resident_anonymous(server), "MB")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if over_limit:
        print("Over the limit: " + "; ".join(over_limit))


if __name__ == "__main__":
    main()
