"""Measures the server under many people: a storm of log-ins, lists out of a full store, questions from many clients at
once, and questions that wait for a model.

It uses the standard library and wrk, starts everything in temp folders on this machine, and leaves nothing behind. The
limits on questions and on requests are switched off for it (CUSTARD_LIMITS_ASK_PER_MINUTE=0 and so on), since all of
it comes from one account; the one on log-ins stays as it is. The model is scripted.

usage: accounts.py BINARY [storm] [reads] [asks] [waiting]
"""

import asyncio
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
PASSWORD = "a-long-bench-password"
PEOPLE = 200
CONVERSATIONS = 50_000
CLIENTS = 16
SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))

missed = []


def report(name, value, unit, limit=None, at_least=None, remark=""):
    """One line of the table; `limit` is the most it may be, `at_least` the least."""
    mark = remark
    if limit is not None or at_least is not None:
        fits = value <= limit if limit is not None else value >= at_least
        bound = f"at most {limit:g} {unit}" if limit is not None else f"at least {at_least:g} {unit}"
        mark = f"{bound}{'' if fits else '   <-- MISSED'}  {remark}"
        if not fits:
            missed.append(name)
    print(f"  {name:<58} {value:>9.1f} {unit:<5} {mark}", flush=True)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def server(binary, folder, model=None):
    """A running server with an owner and the sample data; gives its port, the owner's token and the process."""
    unwanted = ("CUSTARD_", "OPENAI_", "DATABASE_URL", "SECRET_KEY", "DB_", "BACKEND_", "CONNECTION_ID", "RESEND_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    environment |= {"CUSTARD_LIMITS_ASK_PER_MINUTE": "0", "CUSTARD_LIMITS_EVERYTHING_PER_MINUTE": "0"}
    if model:
        environment |= {"OPENAI_BASE_URL": f"http://127.0.0.1:{model}/v1", "OPENAI_MODEL": "scripted"}
    port = free_port()
    command = [binary, "server", "--listen", f"127.0.0.1:{port}", "--data-dir", folder]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            for _ in range(600):
                with contextlib.suppress(OSError):
                    http.client.HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/health")
                    break
                time.sleep(0.1)
            owner = {"name": "Bench", "email": "bench@example.com", "password": PASSWORD, "organization": "Bench"}
            token = call(port, "POST", "/api/v1/setup", owner)["access_token"]
            call(port, "POST", "/api/v1/samples", None, token)
            yield port, token, process
            if process.poll() is not None:
                log.seek(0)
                sys.exit(f"the server ended by itself:\n{log.read().decode(errors='replace')}")
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def request(wire, method, path, body, token):
    """The status and the parsed answer over one kept connection."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    wire.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = wire.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text else None


def call(port, method, path, body=None, token=None):
    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    status, answer = request(wire, method, path, body, token)
    if status >= 300:
        sys.exit(f"{method} {path} answered {status}: {answer}")
    return answer


def resident(process, field="RssAnon"):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1000
    sys.exit(f"this system does not tell {field}")


def processor_seconds(process):
    """What the process has used of the processors so far; unlike the clock, it does not mind a busy machine."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def copies(store, table, change, rows):
    """Copies of the first row of a table, each with some columns changed; whatever columns there are."""
    cursor = store.execute(f"SELECT * FROM {table} LIMIT 1")
    names = [column[0] for column in cursor.description]
    original = dict(zip(names, cursor.fetchone()))
    marks = ",".join("?" * len(names))
    made = ([(original | change(number))[name] for name in names] for number in range(rows))
    store.executemany(f"INSERT INTO {table} ({','.join(names)}) VALUES ({marks})", made)


def storm(binary, folder):
    """Everybody logs in at the same moment, while one person works on."""
    with server(binary, folder) as (port, token, process):
        with contextlib.closing(sqlite3.connect(folder / "custard.db", timeout=60)) as store:
            copies(
                store,
                "users",
                lambda number: {"id": str(uuid.uuid4()), "email": f"p{number}@example.com", "role": "analyst"},
                PEOPLE,
            )
            store.commit()
        before = resident(process)
        over, waits, peak = threading.Event(), {"conversations": [], "health": []}, [before]

        def work_on(name, path):
            wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            while not over.is_set():
                began = time.monotonic()
                status, _ = request(wire, "GET", path, None, token)
                waits[name].append((time.monotonic() - began) * 1000)
                assert status == 200, status
                peak[0] = max(peak[0], resident(process))
                time.sleep(0.005)

        workers = [
            threading.Thread(target=work_on, args=("conversations", "/api/v1/conversations?limit=20")),
            threading.Thread(target=work_on, args=("health", "/health")),
        ]

        async def log_in(number):
            body = json.dumps({"email": f"p{number}@example.com", "password": PASSWORD}).encode()
            return await raw(port, "POST", "/api/v1/auth/login", body)

        async def everybody():
            return await asyncio.gather(*(log_in(number) for number in range(PEOPLE)))

        for worker in workers:
            worker.start()
        time.sleep(0.5)
        began = time.monotonic()
        outcomes = asyncio.run(everybody())
        took = time.monotonic() - began
        over.set()
        for worker in workers:
            worker.join()
        bad = [outcome for outcome in outcomes if outcome[0] != 200]
        if bad:
            sys.exit(f"{len(bad)} of {PEOPLE} log-ins failed: {bad[0]}")
        print(f"{PEOPLE} log-ins at once")
        report("all of them", took, "s")
        for name, times in waits.items():
            report(f"meanwhile, {name}: median", statistics.median(times), "ms", limit=100)
            report(f"meanwhile, {name}: 99 of 100", percentile(times, 0.99), "ms")
        report("memory before, RssAnon", before, "MB")
        report("memory at most, RssAnon", peak[0], "MB", limit=before + 200)


def reads(binary, folder):
    """Lists of 20 out of a store of 150,000 rows."""
    with server(binary, folder) as (port, token, process):
        call(port, "POST", "/api/v1/query", {"question": "How many orders are there?"}, token)
        ids = [str(uuid.uuid4()) for _ in range(CONVERSATIONS)]
        began = datetime.datetime(2026, 1, 1)

        # As the program itself writes a time.
        def at(number):
            return (began + datetime.timedelta(seconds=number)).strftime("%Y-%m-%d %H:%M:%S.000000")

        with contextlib.closing(sqlite3.connect(folder / "custard.db", timeout=60)) as store:
            copies(
                store,
                "conversations",
                lambda number: {"id": ids[number], "created_at": at(number), "updated_at": at(number)},
                CONVERSATIONS,
            )
            copies(
                store,
                "queries",
                lambda number: {
                    "id": str(uuid.uuid4()),
                    "conversation_id": ids[number // 2],
                    "created_at": at(number),
                    "result_id": None,
                },
                2 * CONVERSATIONS,
            )
            store.commit()
        print(f"Reads out of {3 * CONVERSATIONS:,} rows, {CLIENTS} connections, {SECONDS} s each")
        for path, least in [
            ("/health", None),
            ("/api/v1/auth/me", None),
            ("/api/v1/conversations?limit=20", 5000),
            ("/api/v1/query?limit=20", None),
            ("/api/v1/files", None),
            ("/api/v1/connections", None),
        ]:
            status, _ = request(http.client.HTTPConnection("127.0.0.1", port), "GET", path, None, token)
            if status != 200:
                print(f"  {path} answers {status}, not measured")
                continue
            command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", "--latency"]
            command += ["-H", f"Authorization: Bearer {token}", f"http://127.0.0.1:{port}{path}"]
            used = processor_seconds(process)
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            if "Non-2xx" in said:
                sys.exit(f"{path} failed under load:\n{said}")
            rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
            late = re.search(r"99%\s+(\S+)", said)[1]
            each = (processor_seconds(process) - used) / int(re.search(r"(\d+) requests in", said)[1]) * 1e6
            remark = f"{each:.0f} us of processor each, 99 of 100 within {late}"
            report(f"GET {path}", rate, "/s", at_least=least, remark=remark)


async def raw(port, method, path, body=b"", token=None):
    """One request on a connection of its own, as small as possible: the client shares the processors."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
    head += "Content-Type: application/json\r\nAccept: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n" + (f"Authorization: Bearer {token}\r\n" if token else "")
    writer.write(head.encode() + b"\r\n" + body)
    answer = await reader.read()
    writer.close()
    return int(answer[9:12]), answer.split(b"\r\n\r\n", 1)[-1]


@contextlib.contextmanager
def scripted_model(delay):
    """A model that always says the same, after `delay` seconds, in a process of its own."""
    port = free_port()
    script = f"""
import asyncio, json
said = {{"kind": "query", "query": "SELECT count(*) AS orders FROM orders", "explanation": "orders", "options": []}}
body = json.dumps({{"id": "1", "object": "chat.completion", "created": 1, "model": "scripted", "choices": [
    {{"index": 0, "message": {{"role": "assistant", "content": json.dumps(said)}}, "finish_reason": "stop"}}]}}).encode()
answer = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body
async def talk(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\\r\\n")[0])
            await reader.readexactly(length)
            await asyncio.sleep({delay})
            writer.write(answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    async with await asyncio.start_server(talk, "127.0.0.1", {port}, backlog=1024) as listening:
        await listening.serve_forever()
asyncio.run(main())
"""
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        for _ in range(100):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


def asks(binary, folder):
    """Questions from many clients at once, with a model that needs no time."""
    with scripted_model(0) as model, server(binary, folder, model) as (port, token, process):
        # The samples are being imported until the first question is answered.
        call(port, "POST", "/api/v1/query", {"question": "How many orders?"}, token)
        print(f"Questions about the sample data, {CLIENTS} clients, a model that needs no time, {SECONDS} s each")
        for name, question in [
            ("each question a new one", lambda client, number: f"How many orders are there, {client}-{number}?"),
            ("always the same (remembered)", lambda client, number: "How many orders are there?"),
        ]:
            over, times, counts = time.monotonic() + SECONDS, [], [0] * CLIENTS
            used = processor_seconds(process)

            def client(number):
                wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                while time.monotonic() < over:
                    began = time.monotonic()
                    body = {"question": question(number, counts[number])}
                    status, answer = request(wire, "POST", "/api/v1/query", body, token)
                    if status != 200 or answer["outcome"] != "answered":
                        sys.exit(f"not answered: {status} {answer}")
                    counts[number] += 1
                    times.append((time.monotonic() - began) * 1000)

            workers = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            each = (processor_seconds(process) - used) / sum(counts) * 1e3
            remark = f"{each:.1f} ms of processor each, median {statistics.median(times):.0f} ms, "
            remark += f"99 of 100 {percentile(times, 0.99):.0f} ms"
            report(name, sum(counts) / SECONDS, "/s", at_least=150, remark=remark)
        report("memory afterwards, RssAnon", resident(process), "MB")


def waiting(binary, folder):
    """Many questions that all wait for a slow model."""
    with scripted_model(0.5) as model, server(binary, folder, model) as (port, token, process):

        async def look(over, waits):
            while not over.is_set():
                began = time.monotonic()
                status, _ = await raw(port, "GET", "/health")
                waits.append((time.monotonic() - began) * 1000)
                assert status == 200
                await asyncio.sleep(0.01)

        async def everybody():
            over, waits = asyncio.Event(), []
            looking = asyncio.create_task(look(over, waits))
            began = time.monotonic()
            questions = [
                raw(port, "POST", "/api/v1/query", json.dumps({"question": f"How many orders, {number}?"}).encode(), token)
                for number in range(PEOPLE)
            ]
            outcomes = await asyncio.gather(*questions)
            took = time.monotonic() - began
            over.set()
            await looking
            return outcomes, took, waits

        asyncio.run(raw(port, "POST", "/api/v1/query", b'{"question": "How many orders?"}', token))
        outcomes, took, waits = asyncio.run(everybody())
        bad = [outcome for outcome in outcomes if b'"answered"' not in outcome[1]]
        if bad:
            sys.exit(f"{len(bad)} of {PEOPLE} were not answered: {bad[0]}")
        print(f"{PEOPLE} questions at once, a model that needs 500 ms")
        report("all of them", took, "s", limit=2)
        report("meanwhile, /health: median", statistics.median(waits), "ms", limit=20)
        report("meanwhile, /health: longest", max(waits), "ms")
        report("memory at most, RssAnon", resident(process), "MB", remark=f"peak of all {resident(process, 'VmHWM'):.0f} MB")


PARTS = {"storm": storm, "reads": reads, "asks": asks, "waiting": waiting}


def main():
    binary = shutil.which(sys.argv[1]) if len(sys.argv) > 1 else None
    chosen = sys.argv[2:] or list(PARTS)
    if binary is None or not set(chosen) <= set(PARTS):
        sys.exit(__doc__.strip().splitlines()[-1])
    if "reads" in chosen and shutil.which("wrk") is None:
        sys.exit("wrk is missing. Please run: sudo apt-get install wrk")
    print(f"{os.path.abspath(binary)}\nload before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    for part in chosen:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="custard-bench-"))
        try:
            PARTS[part](os.path.abspath(binary), folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if missed:
        print("Missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
