// Summaries for all papers of a day: a job of the service, with its progress, that goes on when the page is closed.
import { download, events, get, givenUp, post } from "./api.js";
import { announce, fill, h } from "./dom.js";
import { number } from "./format.js";
import { failure } from "./states.js";

const FORMATS = [
  ["md", "Markdown"],
  ["html", "HTML"],
  ["atom", "Atom"],
  ["json", "JSON"],
];

function formatButton(job, [format, name], bar) {
  const file = `paperboy-${job.day.replace("/", "-to-")}.${format === "atom" ? "xml" : format}`;
  const take = () =>
    download(`digests/${encodeURIComponent(job.id)}/document?format=${format}`, file).catch((error) =>
      bar.append(failure(error)),
    );
  return h("button", { class: "link", type: "button", onclick: take }, name);
}

/** A bar that begins the digest or shows how far it is; `made` is told each summary, also those made earlier. */
export function digestBar(range, papers, signal, made) {
  const bar = h("div", { class: "digest-bar" });
  const watchJob = (job) => watch(bar, job, signal, made, start);
  const start = async () => {
    try {
      watchJob(await post("digests", range, signal));
    } catch (error) {
      if (!givenUp(error)) fill(bar, failure(error, start));
    }
  };
  const offer = () =>
    fill(
      bar,
      h("p", {}, "Each paper in one sentence, checked against its abstract."),
      h(
        "button",
        { class: "button", type: "button", onclick: start },
        papers === 1 ? "Summarize it" : `Summarize all ${papers}`,
      ),
    );
  known(range, signal).then(
    (job) => (job ? watchJob(job) : offer()),
    (error) => givenUp(error) || offer(),
  );
  return bar;
}

/** The newest job for the same days that is under way or done. */
async function known(range, signal) {
  const name = range.day || `${range.since}/${range.until}`;
  const { digests } = await get("digests", {}, signal);
  const same = digests.filter((job) => job.day === name && ["done", "running", "waiting"].includes(job.state));
  same.sort((one, other) => (one.created < other.created ? 1 : -1));
  return same[0] || null;
}

async function watch(bar, job, signal, made, again) {
  if (job.state === "done")
    return finish(bar, job.result ? job : await get(`digests/${job.id}`, {}, signal), signal, made, again);
  const meter = h("progress", { max: Math.max(job.total, 1), value: job.done, "aria-label": "Summaries written" });
  const text = h("span", { role: "status" }, "Waiting for the writer");
  const stop = h(
    "button",
    {
      class: "button quiet small",
      type: "button",
      onclick: () => post(`digests/${job.id}/cancel`, {}).catch(() => {}),
    },
    "Stop",
  );
  fill(bar, meter, text, stop);
  const progress = ({ done, total }) => {
    meter.max = Math.max(total, 1);
    meter.value = done;
    text.textContent = `${number(done)} of ${number(total)} written`;
  };
  try {
    for await (const { event, data } of events(`digests/${job.id}/events`, undefined, signal)) {
      if (event === "progress") progress(data);
      else if (event === "summary") made(data);
      else if (event === "digest") return finish(bar, data, signal, made, again);
    }
  } catch (error) {
    if (!givenUp(error))
      fill(
        bar,
        failure(error, () => watch(bar, job, signal, made, again)),
      );
  }
  return undefined;
}

function finish(bar, job, signal, made, again) {
  if (job.state !== "done") {
    const why = job.problem?.detail || (typeof job.problem === "string" ? job.problem : "");
    const resume = () =>
      post(`digests/${job.id}/resume`, {}, signal).then((renewed) => watch(bar, renewed, signal, made, again), again);
    fill(
      bar,
      h("p", {}, job.state === "cancelled" ? "Stopped; what was written is kept." : `The digest failed. ${why}`),
      h("button", { class: "button quiet small", type: "button", onclick: resume }, "Go on"),
    );
    return;
  }
  const { summaries, failures } = job.result;
  summaries.forEach(made);
  announce(`${summaries.length} summaries are there`);
  fill(
    bar,
    h("p", {}, `${summaries.length} in one sentence each`, failures.length > 0 && `, ${failures.length} failed`),
    h(
      "p",
      { class: "formats" },
      h("span", {}, "Take it along:"),
      FORMATS.map((format) => formatButton(job, format, bar)),
    ),
  );
}
