#!/usr/bin/env python3
"""Measures importing a large CSV and asking over it, side by side with DuckDB in the same run.

usage: import.py BINARY [MEGABYTES]

The CSV is invented here (orders of a frozen-custard chain) and kept in the cache folder. Importing is the
worker alone, as the server starts it; the question goes through a real server. DuckDB does the same two jobs:
types from every row, written as Parquet; then `sum … group by` over the Parquet that the product wrote.
"""

import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "clean-custard" / "bench"
SQL = "SELECT store, sum(total) AS total, count(*) AS orders FROM {} GROUP BY store ORDER BY store"
FLAVOURS = ["Vanilla", "Chocolate", "Strawberry", "Pistachio", "Salted caramel", "Lemon", "Mango", "Hazelnut"]
NOTES = ["", "", "", "", "no cone", "extra sauce", '"to go, please"', '"birthday ""surprise"""', "gift card"]


def generate(path, megabytes):
    """Writes about so many megabytes (10^6) of orders."""
    dice = random.Random(20260101)
    stores = [f"{place} {number}" for place in ("North", "Harbor", "Mill", "Station", "Lake") for number in range(1, 11)]
    products = [f"{flavour} {size}" for flavour in FLAVOURS for size in ("small", "medium", "large", "pint", "quart")]
    # Half a million tails are dealt out again and again; number and time make every row its own.
    tails = []
    for _ in range(500_000):
        quantity = dice.randint(1, 6)
        cents = dice.randint(250, 1999)
        tails.append(
            f"{dice.choice(stores)},{dice.choice(products)},{dice.randint(1, 90_000)},{quantity},{cents / 100:.2f},"
            f"{quantity * cents / 100:.2f},{dice.random() * 100:.6f},{dice.choice(('true', 'false'))},{dice.choice(NOTES)}\n"
        )
    size, number = 0, 0
    start = 1_577_836_800
    with open(path, "w", newline="", encoding="utf-8") as out:
        out.write("order_id,ordered_at,store,product,customer_id,quantity,unit_price,total,loyalty,paid_by_card,note\n")
        while size < megabytes * 1_000_000:
            block = []
            for _ in range(100_000):
                number += 1
                at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(start + number * 11)) if number % 8 == 1 else at
                block.append(f"{number},{at},{tails[(number * 7919) % len(tails)]}")
            text = "".join(block)
            size += len(text)
            out.write(text)


def measured(command, text=None):
    """Seconds, peak memory in MB and output of a command."""
    begun = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdin.write((text or "").encode())
    child.stdin.close()
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"*** {command[0]} failed with status {child.returncode}")
    return time.monotonic() - begun, usage.ru_maxrss / 1024, out


def duckdb(statements):
    """Runs statements in a DuckDB process of their own; the seconds of the last one, and peak memory."""
    script = (
        "import duckdb, sys, time\n"
        "db = duckdb.connect()\n"
        "db.execute('SET enable_progress_bar = false')\n"
        "for sql in sys.argv[1:-1]: db.execute(sql).fetchall()\n"
        "begun = time.monotonic()\n"
        "db.execute(sys.argv[-1]).fetchall()\n"
        "print(time.monotonic() - begun)\n"
    )
    _, memory, out = measured([sys.executable, "-c", script, *statements])
    return float(out.split()[-1]), memory


class Server:
    """A server on a folder of its own."""

    def __init__(self, binary, folder):
        self.log = open(folder / "server.log", "wb")
        self.port = 18_000 + os.getpid() % 1_000
        self.child = subprocess.Popen(
            [binary, "server", "--listen", f"127.0.0.1:{self.port}", "--data-dir", str(folder / "data")],
            stdout=self.log,
            stderr=self.log,
        )
        self.token = None
        for _ in range(600):
            try:
                if self.call("GET", "/health")[0] == 200:
                    break
            except OSError:
                time.sleep(0.05)
        body = {"name": "Bench", "email": "bench@example.com", "password": "a long bench password", "organization": "Bench"}
        self.token = self.call("POST", "/api/v1/setup", body)[1]["access_token"]

    def call(self, method, path, body=None):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1_200)
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        link.request(method, path, None if body is None else json.dumps(body), headers)
        answer = link.getresponse()
        return answer.status, json.loads(answer.read())

    def upload(self, path):
        """Sends a file without holding it; the id of the file."""
        mark = "custard-bench"
        head = f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'.encode()
        tail = f"\r\n--{mark}--\r\n".encode()
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1_200)
        link.putrequest("POST", "/api/v1/upload")
        link.putheader("Authorization", f"Bearer {self.token}")
        link.putheader("Content-Type", f"multipart/form-data; boundary={mark}")
        link.putheader("Content-Length", str(len(head) + path.stat().st_size + len(tail)))
        link.endheaders()
        link.send(head)
        with open(path, "rb") as file:
            link.send(file)
        link.send(tail)
        answer = link.getresponse()
        text = answer.read()
        if answer.status != 201:
            sys.exit(f"*** upload failed: {answer.status} {text[:500]!r}")
        return json.loads(text)["files"][0]["id"]

    def stop(self):
        self.child.terminate()
        self.child.wait()


def row(name, ours, theirs, unit, most):
    ratio = ours / theirs
    verdict = "" if most is None else ("  ok" if ratio <= most else f"  TOO SLOW (at most {most}×)")
    print(f"  {name:<28} {ours:>9.2f} {unit:<3} DuckDB {theirs:>9.2f} {unit:<3} ratio {ratio:5.2f}{verdict}")


def main():
    binary = os.path.abspath(sys.argv[1])
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
    CACHE.mkdir(parents=True, exist_ok=True)
    source = CACHE / f"orders-{megabytes}.csv"
    if not source.exists():
        print(f"  writing {source}")
        generate(source.with_suffix(".part"), megabytes)
        source.with_suffix(".part").rename(source)
    folder = Path(tempfile.mkdtemp(prefix="custard-bench-", dir=CACHE))
    try:
        # Both read from memory, not from disk.
        subprocess.run(["cat", str(source)], stdout=subprocess.DEVNULL, check=True)
        out = folder / "out"
        out.mkdir()
        job = {"import": {"original": str(source), "name": "orders.csv", "out": str(out), "overrides": {"tables": []}}}
        ours, our_memory, reply = measured([binary, "worker"], json.dumps(job))
        reply = json.loads(reply)
        if "imported" not in reply:
            sys.exit(f"*** the import failed: {reply}")
        table = reply["imported"]["tables"][0]
        parquet = out / table["parquet"]
        theirs, their_memory = duckdb([f"COPY (FROM read_csv('{source}', sample_size=-1)) TO '{folder / 'duck.parquet'}'"])
        print(f"  {source.stat().st_size / 1e9:.2f} GB of CSV, {table['report']['row_count']:,} rows, {os.cpu_count()} cores")
        row("import, seconds", ours, theirs, "s", 1.0)
        row("import, peak memory", our_memory, their_memory, "MB", None)
        if our_memory > 1_500:
            print("  TOO MUCH MEMORY (at most 1,500 MB)")
        sizes = parquet.stat().st_size / 1e6, (folder / "duck.parquet").stat().st_size / 1e6
        row("Parquet, size", *sizes, "MB", None)
        server = Server(binary, folder)
        try:
            file = server.upload(source)
            question = {"query": SQL.format("orders"), "file_ids": [file]}
            if source.stem != "orders":
                question["query"] = SQL.format(source.stem.replace("-", "_"))
            times = []
            for _ in range(5):
                _, answer = server.call("POST", "/api/v1/query/run", question)
                if answer.get("outcome") != "answered":
                    sys.exit(f"*** the query failed: {json.dumps(answer)[:500]}")
                times.append(answer["elapsed_ms"]["execute"] / 1_000)
        finally:
            server.stop()
        again = [duckdb(["SELECT 1", SQL.format(f"'{parquet}'")])[0] for _ in range(5)]
        row("sum … group by, best of 5", min(times), min(again), "s", 1.5)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
