"""Measures PostgreSQL behind an agent, side by side with PostgreSQL's own clients in the same run: a million rows
and ten million through agent and server to an Arrow client, small queries alone and sixteen at once, and reading
the catalog of a thousand tables.

It starts a PostgreSQL, a server and an agent of its own in temp folders on this machine and leaves nothing behind.
Yardsticks are psql (COPY to a file) and pgbench (the same small query, extended protocol, over the same loopback).

usage: postgres.py BINARY
"""

import contextlib
import glob
import json
import os
import pathlib
import pwd
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import pyarrow.ipc
from program import Api, free_port, over_limit, report, resident_anonymous, running, until_healthy

ROWS = 1_000_000
MANY_ROWS = 10_000_000
REPEATS = 3
SMALL_ROUNDS = 1_000
CLIENTS = 16
LOAD_SECONDS = 5
IDLE_SECONDS = 5
TABLES, COLUMNS = 1_000, 20
MEMORY_LIMIT = 60

LARGE = "SELECT id, customer, amount, placed_at FROM orders ORDER BY id"
SMALL = "SELECT id, customer, amount, placed_at FROM orders WHERE id <= 20"


def binaries():
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda folder: float(folder.split("/")[4]))
    if not folders:
        sys.exit("PostgreSQL is missing; run: make setup-test")
    return pathlib.Path(folders[-1])


class Postgres:
    """A PostgreSQL of its own; as root it runs as somebody else, as it wants to."""

    def __init__(self, folder):
        self.bin = binaries()
        self.folder = folder / "postgres"
        self.folder.mkdir()
        self.user = None
        if os.geteuid() == 0:
            self.user = "postgres"
            os.chmod(folder, 0o755)
            owner = pwd.getpwnam(self.user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.port = free_port()
        data = str(self.folder / "data")
        self.run("initdb", "-D", data, "-U", "bench", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "-D", data, "-l", str(self.folder / "log"), "-w", "-o", options, "start")

    def run(self, program, *arguments):
        done = subprocess.run(
            [self.bin / program, *arguments], user=self.user, cwd=self.folder, capture_output=True, text=True
        )
        if done.returncode != 0:
            sys.exit(f"{program} failed: {done.stderr}")
        return done.stdout

    def psql(self, script, database="bench"):
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", "-d", database]
        return self.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *where, "-c", script)

    def url(self, database="bench"):
        return f"postgres://bench@127.0.0.1:{self.port}/{database}"

    def stop(self):
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")


def fill(postgres):
    postgres.psql("CREATE DATABASE bench", "postgres")
    postgres.psql("CREATE DATABASE many", "postgres")
    postgres.psql(
        f"CREATE TABLE orders AS SELECT n AS id, 'customer ' || n % 5000 AS customer, "
        f"(n % 100000 / 100.0)::numeric(12, 2) AS amount, "
        f"timestamptz '2024-01-01 00:00+00' + n * interval '7 seconds' AS placed_at "
        f"FROM generate_series(1, {MANY_ROWS}) AS n"
    )
    postgres.psql("ALTER TABLE orders ADD PRIMARY KEY (id)")
    postgres.psql("VACUUM ANALYZE orders")
    types = ["text", "int", "numeric(12,2)", "timestamptz", "date", "boolean"]
    columns = ", ".join(f"c{at} {types[at % len(types)]}" for at in range(2, COLUMNS + 1))
    postgres.psql(
        f"DO $$ BEGIN FOR t IN 1..{TABLES} LOOP "
        f"EXECUTE 'CREATE TABLE t' || t || ' (id int PRIMARY KEY, {columns})'; "
        f"EXECUTE 'COMMENT ON TABLE t' || t || ' IS ''Table number ' || t || ''''; "
        f"IF t > 1 THEN EXECUTE 'ALTER TABLE t' || t || ' ADD FOREIGN KEY (c7) REFERENCES t' || (t - 1); END IF; "
        f"EXECUTE 'INSERT INTO t' || t || ' (id, c6) SELECT g, ''word '' || g % 5 FROM generate_series(1, 50) g'; "
        f"END LOOP; END $$",
        "many",
    )


@contextlib.contextmanager
def peak(processes):
    """The most memory of their own that processes took meanwhile, in MB above what they had before."""
    before = [resident_anonymous(process) for process in processes]
    most = list(before)
    done = threading.Event()

    def watch():
        while not done.wait(0.02):
            for at, process in enumerate(processes):
                most[at] = max(most[at], resident_anonymous(process))

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = [0.0] * len(processes)
    try:
        yield result
    finally:
        done.set()
        watcher.join()
        result[:] = [high - low for high, low in zip(most, before)]


def stream(api, connection, query):
    """Seconds and rows of a query read as Arrow."""
    body = json.dumps({"query": query, "connection_id": connection})
    began = time.monotonic()
    api.wire.request("POST", "/api/v1/query/run", body, headers(api))
    answer = api.wire.getresponse()
    if answer.status != 200:
        sys.exit(f"the query answered {answer.status}: {answer.read(500)!r}")
    rows = sum(batch.num_rows for batch in pyarrow.ipc.open_stream(answer))
    answer.read()
    return time.monotonic() - began, rows


def headers(api):
    return {
        "Content-Type": "application/json",
        "Accept": "application/vnd.apache.arrow.stream",
        "Authorization": f"Bearer {api.token}",
    }


def measure_large(api, connection, postgres, server, agent):
    limited = f"{LARGE} LIMIT {ROWS}"
    target = postgres.folder / "copy.csv"
    copies, streams = [], []
    memory = [0.0, 0.0]
    # Once unmeasured: both read from memory then.
    stream(api, connection, limited)
    for _ in range(REPEATS):
        began = time.monotonic()
        postgres.run(
            "psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "bench", "-d", "bench",
            "-o", str(target), "-c", f"COPY ({limited}) TO STDOUT (FORMAT csv)",
        )  # fmt: skip
        copies.append(time.monotonic() - began)
        with peak([server, agent]) as above:
            seconds, rows = stream(api, connection, limited)
        if rows != ROWS:
            sys.exit(f"{rows} rows arrived instead of {ROWS}")
        streams.append(seconds)
        memory = [max(a, b) for a, b in zip(memory, above)]
    copy, ours = statistics.median(copies), statistics.median(streams)
    report(f"{ROWS:,} rows, psql COPY to a file", copy * 1e3, "ms")
    report(f"{ROWS:,} rows to an Arrow client", ours * 1e3, "ms", None, f"{ROWS / ours / 1e6:.2f} million rows/s")
    report("the same as a multiple of COPY", ours / copy, "x", 1.5)
    report("server memory above idle", memory[0], "MB", MEMORY_LIMIT)
    report("agent memory above idle", memory[1], "MB", MEMORY_LIMIT)
    with peak([server, agent]) as above:
        seconds, rows = stream(api, connection, f"{LARGE} LIMIT {MANY_ROWS}")
    if rows != MANY_ROWS:
        sys.exit(f"{rows} rows arrived instead of {MANY_ROWS}")
    report(f"{MANY_ROWS:,} rows to an Arrow client", seconds * 1e3, "ms")
    report("server memory above idle", above[0], "MB", MEMORY_LIMIT)
    report("agent memory above idle", above[1], "MB", MEMORY_LIMIT)


def pgbench(postgres, clients, *much):
    """The small query by PostgreSQL's own client: queries a second, and each one's milliseconds."""
    script = postgres.folder / "small.sql"
    script.write_text(SMALL + ";\n")
    script.chmod(0o644)
    prefix = postgres.folder / "latency"
    out = postgres.run(
        "pgbench", "-n", "-M", "extended", "-f", str(script), "-c", str(clients), "-j", "1", *much,
        "--log", f"--log-prefix={prefix}", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "bench", "bench",
    )  # fmt: skip
    times = []
    for log in postgres.folder.glob("latency*"):
        times += [int(line.split()[2]) / 1e3 for line in log.read_text().splitlines()]
        log.unlink()
    rate = next(float(line.split()[2]) for line in out.splitlines() if line.startswith("tps"))
    return rate, times


def measure_small(api, connection, postgres):
    _, bare = pgbench(postgres, 1, "-t", str(SMALL_ROUNDS))
    arrow, kept = [], []
    for _ in range(SMALL_ROUNDS):
        seconds, rows = stream(api, connection, SMALL)
        arrow.append(seconds * 1e3)
        if rows != 20:
            sys.exit(f"{rows} rows arrived instead of 20")
    for _ in range(SMALL_ROUNDS // 5):
        began = time.monotonic()
        answer = api.call("POST", "/api/v1/query/run", {"query": SMALL, "connection_id": connection})
        kept.append((time.monotonic() - began) * 1e3)
        if answer["outcome"] != "answered":
            sys.exit(f"the small query was not answered: {answer['answer']}")
    report("20 rows, pgbench, median", statistics.median(bare), "ms")
    report("20 rows to an Arrow client, median", statistics.median(arrow), "ms")
    report("what the way adds", statistics.median(arrow) - statistics.median(bare), "ms", 2)
    report("20 rows as an answer that is kept, median", statistics.median(kept), "ms")


def payload(answer):
    """The body of a whole answer; None while it is not whole."""
    head, found, rest = answer.partition(b"\r\n\r\n")
    if not found:
        return None
    if not head.startswith(b"HTTP/1.1 200 "):
        sys.exit(f"a small query was answered: {answer[:500]!r}")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head.lower())
    if length:
        return rest if len(rest) == int(length[1]) else None
    body = b""
    while True:
        size, found, rest = rest.partition(b"\r\n")
        if not found:
            return None
        size = int(size, 16)
        if len(rest) < size + 2:
            return None
        if size == 0:
            return body
        body, rest = body + rest[:size], rest[size + 2 :]


class Client:
    """A client that asks the same again and again, and does little else: it shares the machine."""

    def __init__(self, port, request):
        self.request = request
        self.wire = socket.create_connection(("127.0.0.1", port))
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = b""

    def ask(self):
        self.began = time.monotonic()
        self.wire.sendall(self.request)

    def hear(self):
        """What has arrived: a whole body, or None."""
        more = self.wire.recv(65536)
        if not more:
            sys.exit(f"an answer broke off: {self.answer[:500]!r}")
        self.answer += more
        body = payload(self.answer)
        if body is not None:
            self.answer = b""
        return body


def load_by_wrk(port, body, sent):
    """Sixteen clients by wrk, which costs next to nothing itself: queries a second, and the slowest hundredth's ms."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        lines = ['wrk.method = "POST"', f"wrk.body = {json.dumps(body)}"]
        lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in sent.items()]
        script.write("\n".join(lines))
        script.flush()
        command = ["wrk", "-t", "1", "-c", str(CLIENTS), "-d", f"{LOAD_SECONDS}s", "--latency", "-s", script.name]
        command.append(f"http://127.0.0.1:{port}/api/v1/query/run")
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"small queries were not answered:\n{out}")
    rate = float(re.search(r"Requests/sec: *([0-9.]+)", out)[1])
    slowest, unit = re.search(r"99% *([0-9.]+)(us|ms|s)", out).groups()
    return rate, float(slowest) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def load_by_python(port, body, sent):
    """As [`load_by_wrk`], by a client that takes a good part of a processor for itself."""
    lines = [f"{name}: {value}" for name, value in sent.items()]
    lines += ["Host: localhost", f"Content-Length: {len(body)}", "", ""]
    request = ("POST /api/v1/query/run HTTP/1.1\r\n" + "\r\n".join(lines) + body).encode()
    times = []
    with selectors.DefaultSelector() as ready:
        clients = [Client(port, request) for _ in range(CLIENTS)]
        for client in clients:
            ready.register(client.wire, selectors.EVENT_READ, client)
            client.ask()
        expected = None
        began = time.monotonic()
        while time.monotonic() - began < LOAD_SECONDS:
            for key, _ in ready.select():
                answer = key.data.hear()
                if answer is None:
                    continue
                expected = expected or answer
                if answer != expected:
                    sys.exit("two clients got different rows for the same query")
                times.append((time.monotonic() - key.data.began) * 1e3)
                key.data.ask()
        seconds = time.monotonic() - began
        for client in clients:
            client.wire.close()
    return len(times) / seconds, statistics.quantiles(times, n=100)[98]


def measure_load(api, connection, postgres, port):
    body = json.dumps({"query": SMALL, "connection_id": connection})
    by_wrk = shutil.which("wrk") is not None
    rate, slowest = (load_by_wrk if by_wrk else load_by_python)(port, body, headers(api))
    bare, _ = pgbench(postgres, CLIENTS, "-T", str(LOAD_SECONDS))
    report(f"{CLIENTS} clients, pgbench", bare, "/s")
    mark = "" if rate >= 2_000 else "   <-- UNDER"
    if mark:
        over_limit.append(f"{CLIENTS} clients at once")
    if not by_wrk:
        mark += "   (wrk is missing; the Python client shares the processors)"
    report(f"{CLIENTS} clients at once, queries a second", rate, "/s", None, f"at least 2000 /s{mark}")
    report("the slowest hundredth of them took over", slowest, "ms")


def measure_catalog(api, connection):
    status = f"/api/v1/connections/{connection}/schema"
    times = []
    for _ in range(REPEATS):
        before = api.call("GET", status)["discovered_at"]
        began = time.monotonic()
        api.call("POST", f"/api/v1/connections/{connection}/refresh-schema", {})
        while (schema := api.call("GET", status))["discovered_at"] == before:
            time.sleep(0.02)
        times.append((time.monotonic() - began) * 1e3)
    if len(schema["tables"]) != TABLES or any(len(table["columns"]) != COLUMNS for table in schema["tables"]):
        sys.exit("the catalog is not whole")
    report(f"catalog of {TABLES:,} tables of {COLUMNS} columns", statistics.median(times), "ms", 2_000)


def connect(api, folder, name, url, binary, address):
    """A connection and the command of its agent."""
    made = api.call("POST", "/api/v1/connections", {"name": name, "db_type": "POSTGRESQL"})
    key, source = folder / f"{name}.key", folder / f"{name}.source"
    key.write_text(made["api_key"])
    source.write_text(url)
    command = [binary, "agent", "--server", f"http://{address}", "--connection", made["id"]]
    return made["id"], command + ["--key-file", key, "--source-file", source]


def until_known(api, connection):
    for _ in range(600):
        if api.call("GET", f"/api/v1/connections/{connection}/schema")["discovered_at"]:
            return
        time.sleep(0.1)
    sys.exit("the agent did not send its schema")


def main():
    binary = os.path.abspath(shutil.which(sys.argv[1]) or sys.exit(f"{sys.argv[1]} is no program"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="custard-bench-"))
    print(f"{binary}\nload before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    postgres = Postgres(folder)
    try:
        fill(postgres)
        port = free_port()
        address = f"127.0.0.1:{port}"
        with running(binary, "server", "--listen", address, "--data-dir", folder / "data") as server:
            until_healthy(port, server)
            api = Api(port)
            connection, command = connect(api, folder, "bench", postgres.url(), binary, address)
            with running(*command) as agent:
                until_known(api, connection)
                time.sleep(IDLE_SECONDS)
                api.wire.close()
                measure_large(api, connection, postgres, server, agent)
                measure_small(api, connection, postgres)
                measure_load(api, connection, postgres, port)
            # The load took longer than the server keeps an idle connection.
            api.wire.close()
            many, command = connect(api, folder, "many", postgres.url("many"), binary, address)
            with running(*command):
                until_known(api, many)
                measure_catalog(api, many)
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if over_limit:
        print("Over the limit: " + "; ".join(over_limit))


if __name__ == "__main__":
    main()
