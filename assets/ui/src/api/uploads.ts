// The uploads of this tab: they go on while the person looks at other screens, each with its own progress and abort.
import { apiUrl } from "./base";
import { errorFromBody, unreachable } from "./error";
import { session } from "./session";
import type { DataFile, Uploaded } from "./types";

export interface Upload {
  key: number;
  name: string;
  size: number;
  sent: number;
  state: "waiting" | "sending" | "importing" | "done" | "failed";
  message: string | null;
  file: DataFile | null;
}

const AT_ONCE = 2;

interface Job {
  key: number;
  file: File;
  xhr: XMLHttpRequest | null;
}

let uploads: readonly Upload[] = [];
let nextKey = 1;
const jobs = new Map<number, Job>();
const listeners = new Set<() => void>();
let onStored: () => void = () => undefined;

function set(next: readonly Upload[]) {
  uploads = next;
  for (const listener of listeners) listener();
}

function change(key: number, part: Partial<Upload>) {
  set(uploads.map((upload) => (upload.key === key ? { ...upload, ...part } : upload)));
}

export const uploadStore = {
  current: () => uploads,
  subscribe(listener: () => void) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** Called after every file that was stored, so that lists can be read again. */
  whenStored(listener: () => void) {
    onStored = listener;
  },
  add(files: readonly File[], maxBytes: number | null) {
    const fresh = files.map((file): Upload => {
      const key = nextKey++;
      const tooLarge = maxBytes !== null && file.size > maxBytes;
      if (!tooLarge) jobs.set(key, { key, file, xhr: null });
      return {
        key,
        name: file.name,
        size: file.size,
        sent: 0,
        state: tooLarge ? "failed" : "waiting",
        message: tooLarge ? "This file is larger than the server accepts." : null,
        file: null,
      };
    });
    set([...fresh, ...uploads]);
    pump();
  },
  /** Stops the transfer or the import; nothing of the file is kept. */
  abort(key: number) {
    const xhr = jobs.get(key)?.xhr;
    jobs.delete(key);
    set(uploads.filter((upload) => upload.key !== key));
    xhr?.abort();
    pump();
  },
  retry(key: number) {
    if (!jobs.has(key)) return;
    change(key, { state: "waiting", sent: 0, message: null });
    pump();
  },
  canRetry: (key: number) => jobs.has(key),
  dismiss(key: number) {
    jobs.delete(key);
    set(uploads.filter((upload) => upload.key !== key));
  },
};

function pump() {
  const running = uploads.filter((u) => u.state === "sending" || u.state === "importing").length;
  const waiting = uploads
    .filter((upload) => upload.state === "waiting")
    .sort((a, b) => a.key - b.key);
  for (const upload of waiting.slice(0, Math.max(0, AT_ONCE - running))) {
    const job = jobs.get(upload.key);
    if (job) void start(job);
  }
}

async function start(job: Job) {
  change(job.key, { state: "sending", sent: 0 });
  const token = await session.freshToken().catch(() => null);
  if (!jobs.has(job.key)) return;
  if (!token) return fail(job.key, "You are signed out. Sign in, then try again.");
  const xhr = new XMLHttpRequest();
  job.xhr = xhr;
  xhr.open("POST", apiUrl("/api/v1/upload"));
  xhr.withCredentials = true;
  xhr.setRequestHeader("Authorization", `Bearer ${token}`);
  xhr.responseType = "json";
  xhr.upload.onprogress = (event) => {
    if (event.lengthComputable)
      change(job.key, { sent: Math.round((event.loaded / event.total) * job.file.size) });
  };
  xhr.upload.onload = () => change(job.key, { state: "importing", sent: job.file.size });
  xhr.onload = () => settle(job.key, xhr.status, xhr.response);
  xhr.onerror = () => fail(job.key, unreachable().message);
  const form = new FormData();
  form.append("files", job.file, job.file.name);
  xhr.send(form);
}

function settle(key: number, status: number, body: unknown) {
  if (status >= 200 && status < 300) {
    const { files, errors } = body as Uploaded;
    const stored = files[0];
    if (!stored) return fail(key, errors[0]?.message ?? "The file could not be imported.");
    jobs.delete(key);
    change(key, { state: "done", file: stored, message: null });
    onStored();
    return pump();
  }
  const error = errorFromBody(status, body);
  const first = Array.isArray(error.details) ? (error.details[0] as { message?: string }) : null;
  fail(key, first?.message ?? error.message);
}

function fail(key: number, message: string) {
  change(key, { state: "failed", message });
  pump();
}
