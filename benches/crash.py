#!/usr/bin/env python3
"""Kills a server with kill -9 at random moments while accounts, uploads, deletions and questions go on, and looks
after each start whether everything that was acknowledged is there, nothing half-done is to be seen, and the store
verifies.

usage: benches/crash.py BINARY [--kills 200] [--seed N]
"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid

PASSWORD = "a long password"


class Gone(Exception):
    """The server was killed before it had answered."""


class Server:
    def __init__(self, binary, folder, port):
        self.binary, self.data, self.port = binary, os.path.join(folder, "data"), port
        self.log = open(os.path.join(folder, "server.log"), "ab")
        self.process = None

    def start(self):
        env = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "SECRET_KEY", "OPENAI_API_KEY")}
        # Everybody asks as fast as they can.
        env["CUSTARD_LOG_FILTER"] = "warn"
        self.process = subprocess.Popen(
            [self.binary, "server", "--listen", f"127.0.0.1:{self.port}", "--data-dir", self.data],
            stdout=self.log, stderr=self.log, env=env)
        for _ in range(1200):
            if self.process.poll() is not None:
                raise SystemExit("the server did not start; its log has the reason")
            try:
                self.call("GET", "/ready")
                return
            except (Gone, urllib.error.HTTPError):
                time.sleep(0.05)
        raise SystemExit("the server was not ready within a minute")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def call(self, method, path, body=None, token=None, kind="application/json"):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", kind)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                text = answer.read()
        except urllib.error.HTTPError:
            raise
        except (OSError, ValueError, __import__("http.client").client.HTTPException) as error:
            raise Gone(str(error)) from error
        return json.loads(text) if text else None

    def upload(self, token, name, content):
        mark = uuid.uuid4().hex
        body = (f"--{mark}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n"
                f"Content-Type: text/csv\r\n\r\n").encode() + content + f"\r\n--{mark}--\r\n".encode()
        return self.call("POST", "/api/v1/upload", body, token, f"multipart/form-data; boundary={mark}")


class Known:
    """What was acknowledged."""

    def __init__(self):
        self.lock = threading.Lock()
        self.files, self.deleted, self.unsure = {}, set(), set()
        self.queries, self.connections, self.accounts = [], {}, set()
        self.done = 0
        self.wrong = []


def work(server, known, token, stop, seed):
    dice = random.Random(seed)
    while not stop.is_set():
        try:
            choice = dice.random()
            if choice < 0.35:
                rows = dice.randint(2, 3000)
                name = f"t{uuid.uuid4().hex[:8]}.csv"
                content = b"city,amount\n" + b"".join(b"Berlin,%d\n" % (i % 7) for i in range(rows))
                answer = server.upload(token, name, content)
                with known.lock:
                    known.files[answer["files"][0]["id"]] = rows
            elif choice < 0.45:
                with known.lock:
                    target = dice.choice(list(known.files)) if len(known.files) > 5 else None
                    if target:
                        rows = known.files.pop(target)
                        known.unsure.add(target)
                if target:
                    server.call("DELETE", f"/api/v1/files/{target}", token=token)
                    with known.lock:
                        known.unsure.discard(target)
                        known.deleted.add(target)
            elif choice < 0.85:
                with known.lock:
                    target = dice.choice(list(known.files)) if known.files else None
                if target:
                    answer = server.call("POST", "/api/v1/query/run", {
                        "query": "SELECT count(*) AS n FROM " + table_of(server, token, target),
                        "file_ids": [target]}, token)
                    with known.lock:
                        rows = known.files.get(target)
                    if answer["outcome"] == "answered" and rows is not None and answer["rows"][0][0] != rows:
                        known.wrong.append(f"a wrong number: {answer['rows']} instead of {rows}")
                    with known.lock:
                        known.queries.append((answer["id"], answer["outcome"], answer.get("result_id")))
            elif choice < 0.95:
                name = f"c{uuid.uuid4().hex[:8]}"
                answer = server.call("POST", "/api/v1/connections", {"name": name, "db_type": "POSTGRESQL"}, token)
                with known.lock:
                    known.connections[answer["id"]] = name
            else:
                email = f"{uuid.uuid4().hex[:10]}@example.com"
                added = subprocess.run(
                    [server.binary, "user", "add", "--email", email, "--password-stdin", "--data-dir", server.data],
                    input=PASSWORD.encode(), capture_output=True)
                if added.returncode == 0:
                    with known.lock:
                        known.accounts.add(email)
            with known.lock:
                known.done += 1
        except Gone:
            return
        except urllib.error.HTTPError as error:
            if error.code not in (404, 429, 503):
                known.wrong.append(f"status {error.code}: {error.read()[:300]}")


def table_of(server, token, file_id):
    return server.call("GET", f"/api/v1/files/{file_id}", token=token)["tables"][0]["name"]


def check(server, known, token):
    assert not known.wrong, known.wrong[0]
    files = {file["id"]: file for file in server.call("GET", "/api/v1/files", token=token)["files"]}
    for file_id, rows in known.files.items():
        assert file_id in files, f"the acknowledged file {file_id} is missing"
    for file_id in known.deleted:
        assert file_id not in files, f"the deleted file {file_id} is back"
    # Nothing half: whatever is listed can be read; a few of them, as all would take the day.
    for file_id in random.sample(list(files), min(5, len(files))):
        server.call("GET", f"/api/v1/files/{file_id}/preview?limit=1", token=token)
    for query_id, outcome, result in known.queries[-20:]:
        answer = server.call("GET", f"/api/v1/query/{query_id}", token=token)
        assert answer["outcome"] == outcome, f"the answer {query_id} is another one"
        if result:
            assert answer["row_count"] == len(answer["rows"]), f"the result of {query_id} is not whole"
    found = {one["id"] for one in server.call("GET", "/api/v1/connections", token=token)["connections"]}
    for connection in known.connections:
        assert connection in found, f"the acknowledged connection {connection} is missing"
    # What was under way when the server died happened or did not; either way it is settled now.
    for file_id in list(known.unsure):
        known.unsure.discard(file_id)
        if file_id not in files:
            known.deleted.add(file_id)
    listed = subprocess.run([server.binary, "user", "list", "--data-dir", server.data], capture_output=True, text=True)
    for email in known.accounts:
        assert email in listed.stdout, f"the acknowledged account {email} is missing"
    verified = subprocess.run([server.binary, "verify", "--data-dir", server.data], capture_output=True, text=True)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    dice = random.Random(given.seed)
    print(f"seed {given.seed}")
    with tempfile.TemporaryDirectory() as folder:
        server = Server(os.path.realpath(given.binary), folder, dice.randint(20000, 50000))
        known = Known()
        server.start()
        owner = {"name": "O", "email": "owner@example.com", "password": PASSWORD, "organization": "E"}
        server.call("POST", "/api/v1/setup", owner)
        token, since = None, 0.0
        began = time.time()
        for kill in range(1, given.kills + 1):
            if time.time() - since > 600:
                log_in = {"email": "owner@example.com", "password": PASSWORD}
                token, since = server.call("POST", "/api/v1/auth/login", log_in)["access_token"], time.time()
            stop = threading.Event()
            workers = [threading.Thread(target=work, args=(server, known, token, stop, dice.random())) for _ in range(4)]
            for worker in workers:
                worker.start()
            time.sleep(dice.uniform(0.05, 1.5))
            server.kill()
            stop.set()
            for worker in workers:
                worker.join()
            server.start()
            try:
                check(server, known, token)
            except AssertionError as error:
                sys.exit(f"after kill {kill}: {error}")
            if kill % 10 == 0:
                print(f"{kill} kills: {known.done} deeds, {len(known.files)} files, {len(known.queries)} answers, "
                      f"{len(known.connections)} connections, {len(known.accounts)} accounts", flush=True)
        server.kill()
        print(f"{given.kills} kills in {time.time() - began:.0f} s: nothing acknowledged is missing, nothing half-done is "
              f"to be seen, and the store verified after each")


if __name__ == "__main__":
    main()
