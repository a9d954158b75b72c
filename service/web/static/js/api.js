// The service behind the page: plain requests, and answers that stream as server-sent events.

const BASE = "/api/v1/";
const KEY = "paperboy-key";

/** What the service says when it cannot do something: a problem document (RFC 9457). */
export class Problem extends Error {
  constructor(status, said, retryAfter) {
    super(
      (typeof said.detail === "string" && said.detail) || said.title || `The service answered with status ${status}.`,
    );
    this.status = status;
    this.kind = String(said.type || "")
      .split(":")
      .pop();
    this.retryAfter = retryAfter;
  }
}

/** Keep the key that a service may ask for, for as long as the tab is open. */
export function useKey(key) {
  sessionStorage.setItem(KEY, key);
}

/** The JSON document of a route; `params` that are empty are left out. */
export async function get(path, params = {}, signal = undefined) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== "" && value != null));
  const response = await send(`${path}${query.size ? `?${query}` : ""}`, { signal });
  return response.json();
}

/** Send a JSON document. What people ask goes in bodies only, so no address in a log has it. */
export async function post(path, body, signal = undefined) {
  const response = await send(path, { method: "POST", body: JSON.stringify(body), signal });
  return response.json();
}

/** The events of a route as `{event, data}`; sends `body` where there is one. Leaving the loop ends the request. */
export async function* events(path, body, signal) {
  const method = body === undefined ? "GET" : "POST";
  const response = await send(path, { method, body: body && JSON.stringify(body), signal }, "text/event-stream");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (waiting + value).replaceAll("\r\n", "\n").split("\n\n");
      waiting = blocks.pop();
      for (const block of blocks) {
        const read = readEvent(block);
        if (read) yield read;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function readEvent(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  if (!data.length) return null;
  const parsed = JSON.parse(data.join("\n"));
  if (event === "error") throw new Problem(parsed.status, parsed);
  return { event, data: parsed };
}

async function send(path, options, accept = "application/json") {
  const headers = { Accept: accept };
  if (options.method === "POST") headers["Content-Type"] = "application/json";
  const key = sessionStorage.getItem(KEY);
  if (key) headers.Authorization = `Bearer ${key}`;
  let response;
  try {
    response = await fetch(BASE + path, { ...options, headers, credentials: "same-origin", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "Paperboy does not answer: is `paperboy serve` still running?" });
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function problemOf(response) {
  let said = {};
  try {
    said = await response.json();
  } catch {
    // Something in between answered; the status has to do.
  }
  const wait = Number(response.headers.get("Retry-After")) || undefined;
  return new Problem(response.status, said, wait);
}

/** A document of the service as a file to keep; a plain link could not bring the key along. */
export async function download(path, name) {
  const response = await send(path, {}, "*/*");
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Whether an error only says that somebody gave up waiting. */
export function givenUp(error) {
  return error.name === "AbortError";
}
