#!/usr/bin/env python3
"""Measures many agents at one server: memory of the server for each, and the time until all are back after the
server was killed and started again.

usage: agents.py BINARY [AGENTS]

Real sockets on loopback: the agents are the real ones, several connections to a process, beside one PostgreSQL
that is started here in a temp folder (the programs of Debian's `postgresql` package). Nothing is left behind.
"""

import contextlib
import http.client
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

AGENTS = 2_000
# Connections of one agent process; a socket needs a file descriptor at both ends.
PER_PROCESS = 500
MOST_KB = 40
BACK_WITHIN = 60
# Memory is read when nothing has moved for this long: one and a half heartbeats.
SETTLE = 23

over_limit = []


def report(name, value, unit, limit=None):
    mark = ""
    if limit is not None:
        fits = value <= limit
        mark = f"limit {limit:g} {unit}" + ("" if fits else "   <-- OVER")
        if not fits:
            over_limit.append(name)
    print(f"  {name:<52} {value:>10.1f} {unit:<4} {mark}", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def resident_anonymous(pid):
    """Memory of its own, in kB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    sys.exit(f"no memory figures for process {pid}")


@contextlib.contextmanager
def postgres(folder):
    """A PostgreSQL with one small table; gives its URL."""
    bins = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    if not bins:
        sys.exit("PostgreSQL is missing. Please run: sudo apt-get install postgresql")
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    data, port = folder / "pg", free_port()
    data.mkdir()
    # PostgreSQL refuses to run as root.
    drop = {"user": user} if os.geteuid() == 0 else {}
    if drop:
        folder.chmod(0o755)
        shutil.chown(data, user)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/", **drop}
    subprocess.run(
        [bins[-1] / "initdb", "-D", data, "-U", "bench", "--auth=trust", "--no-sync"], check=True, **quiet
    )
    child = subprocess.Popen(
        [bins[-1] / "postgres", "-D", data, "-p", str(port), "-k", "", "-c", "listen_addresses=127.0.0.1"], **quiet
    )
    try:
        psql = [bins[-1] / "psql", "-h", "127.0.0.1", "-p", str(port), "-U", "bench", "-d", "postgres", "-qc"]
        for _ in range(200):
            if subprocess.run([*psql, "SELECT 1"], **quiet).returncode == 0:
                break
            time.sleep(0.1)
        subprocess.run([*psql, "CREATE TABLE numbers AS SELECT g AS n FROM generate_series(1, 20) g"], check=True, **quiet)
        yield f"postgres://bench@127.0.0.1:{port}/postgres"
    finally:
        child.send_signal(signal.SIGINT)
        child.wait()


class Server:
    """A server on a folder of its own."""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.port = binary, folder, free_port()
        self.token = self.child = None

    def start(self):
        with open(self.folder / "server.log", "ab") as log:
            self.child = subprocess.Popen(
                [self.binary, "server", "--listen", f"127.0.0.1:{self.port}", "--data-dir", self.folder / "data"],
                stdout=log,
                stderr=log,
            )
        for _ in range(600):
            with contextlib.suppress(OSError):
                if self.call("GET", "/health")[0] == 200:
                    return
            time.sleep(0.05)
        sys.exit("the server did not start; see its log")

    def kill(self):
        self.child.kill()
        self.child.wait()

    def call(self, method, path, body=None):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        link.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = link.getresponse()
        text = answer.read()
        link.close()
        return answer.status, json.loads(text) if text else None

    def must(self, method, path, body=None):
        status, answer = self.call(method, path, body)
        if status >= 300:
            sys.exit(f"{method} {path} answered {status}: {answer}")
        return answer

    def log_in(self):
        account = {"email": "bench@example.com", "password": "a long bench password"}
        self.token = None
        self.token = self.must("POST", "/api/v1/auth/login", account)["access_token"]

    def online(self):
        return self.must("GET", "/api/v1/status")["agents_online"]

    def wait_for(self, count, seconds):
        """Seconds until so many agents are online."""
        begun = time.monotonic()
        while self.online() < count:
            if time.monotonic() - begun > seconds:
                sys.exit(f"only {self.online()} of {count} agents are online after {seconds} s")
            time.sleep(0.1)
        return time.monotonic() - begun


def agents(binary, folder, connections, source):
    """Starts the agents, several connections to a process."""
    children = []
    for first in range(0, len(connections), PER_PROCESS):
        lines = ["[log]", 'filter = "warn"']
        for connection in connections[first : first + PER_PROCESS]:
            lines += [
                "[[agent.connections]]",
                f'servers = ["{connection["websocket_url"]}"]',
                f'key = "{connection["api_key"]}"',
                f'source_url = "{source}"',
            ]
        config = folder / f"agent-{first}.toml"
        config.write_text("\n".join(lines) + "\n")
        with open(folder / f"agent-{first}.log", "wb") as log:
            children.append(subprocess.Popen([binary, "agent", "--config", config], stdout=log, stderr=log))
    return children


def measure(binary, count, folder):
    server = Server(binary, folder)
    server.start()
    children = []
    try:
        owner = {"name": "Bench", "email": "bench@example.com", "password": "a long bench password"}
        server.token = server.must("POST", "/api/v1/setup", {**owner, "organization": "Bench"})["access_token"]
        with postgres(folder) as source:
            connections = [
                server.must("POST", "/api/v1/connections", {"name": f"shop {number}", "db_type": "POSTGRESQL"})
                for number in range(count)
            ]
            # A fresh process: what making the connections left behind is not the agents'.
            server.kill()
            server.start()
            server.log_in()
            time.sleep(5)
            before = resident_anonymous(server.child.pid)
            children = agents(binary, folder, connections, source)
            report(f"{count} agents, all online after", server.wait_for(count, 180), "s")
            time.sleep(SETTLE)
            after = resident_anonymous(server.child.pid)
            report("server alone, RssAnon", before / 1024, "MB")
            report(f"server with {count} agents, RssAnon", after / 1024, "MB")
            report("server, for each agent", (after - before) / count, "kB", MOST_KB)
            query = {"query": "SELECT sum(n) AS total FROM numbers", "connection_id": connections[-1]["id"]}
            answer = server.must("POST", "/api/v1/query/run", query)
            if answer["rows"] != [[210]] and answer["rows"] != [["210"]]:
                sys.exit(f"a query through the last agent went wrong: {answer}")
            server.kill()
            begun = time.monotonic()
            server.start()
            server.log_in()
            server.wait_for(count, 180)
            report("killed (-9) and started: all back after", time.monotonic() - begun, "s", BACK_WITHIN)
            for child in children:
                if child.poll() is not None:
                    sys.exit("an agent process ended; see its log")
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.wait()
        server.kill()


def main():
    binary = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else AGENTS
    folder = pathlib.Path(tempfile.mkdtemp(prefix="custard-agents-"))
    try:
        measure(binary, count, folder)
    except SystemExit:
        for log in sorted(folder.glob("*.log")):
            print(f"--- {log.name}", file=sys.stderr)
            print("".join(log.read_text(errors="replace").splitlines(True)[-15:]), file=sys.stderr)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if over_limit:
        sys.exit(f"over the limit: {', '.join(over_limit)}")


if __name__ == "__main__":
    main()
