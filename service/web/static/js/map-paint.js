// What the map looks like: points in the colours of their topics, and the topics' names among them.
import { h } from "./dom.js";
import { topicName } from "./format.js";

const DOT = 4.2;
const FAINT = 0.13;
const SOLID = 0.86;
const MANY = 700;
const NARROW = 500;

/** Where a topic's name stands: at the median of its papers, where most of them are. No two have the same name. */
export function labelsOf(found) {
  const middle = (values) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)];
  const used = new Set();
  return found.topics.map((topic) => {
    const points = found.points.filter((point) => point.topic === topic.topic);
    const name = topic.terms.find((term) => !used.has(term)) ?? topicName(topic, 1);
    used.add(name);
    return { name, x: middle(points.map((point) => point.x)), y: middle(points.map((point) => point.y)) };
  });
}

/** The colours that the theme gives the topics, read from an element of each. */
export function topicColours(canvas, topics) {
  const dots = topics.map((topic) => h("span", { class: "dot", data: { topic: topic.topic } }));
  const probe = h("div", { hidden: true }, dots);
  canvas.parentElement.append(probe);
  const colours = dots.map((one) => getComputedStyle(one).backgroundColor);
  probe.remove();
  return colours;
}

/** Paint everything anew. */
export function paint(canvas, points, frame, { passes, near, marked, colours, labels }) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(frame.width * ratio);
  const height = Math.round(frame.height * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const style = getComputedStyle(canvas);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, frame.width, frame.height);
  const crowded = Math.sqrt(Math.min(1, MANY / points.length));
  const size = DOT * (0.55 + 0.45 * crowded) * Math.min(2, frame.scale ** 0.35);
  for (const point of points) {
    pen.globalAlpha = !passes || passes(point) ? SOLID : FAINT;
    dot(pen, frame.placeOf(point), size, colours[point.topic]);
  }
  pen.globalAlpha = 1;
  for (const point of [marked, near]) {
    if (!point) continue;
    dot(pen, frame.placeOf(point), size + 2.5, colours[point.topic]);
    pen.lineWidth = 2;
    pen.strokeStyle = style.color;
    pen.stroke();
  }
  if (!passes) names(pen, labels, frame, style);
}

function dot(pen, [x, y], size, colour) {
  pen.beginPath();
  pen.arc(x, y, size, 0, 2 * Math.PI);
  pen.fillStyle = colour;
  pen.fill();
}

/** Names of topics, the largest first; one that would lie on another is left out. */
function names(pen, labels, frame, style) {
  pen.font = `600 ${frame.width < NARROW ? 11.5 : 13}px ${style.fontFamily}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  pen.lineWidth = 4;
  const taken = [];
  for (const label of labels) {
    const half = pen.measureText(label.name).width / 2 + 5;
    const [across, y] = frame.placeOf(label);
    const x = Math.min(Math.max(across, half), frame.width - half);
    const overlaps = (other) => Math.abs(x - other.x) < half + other.half && Math.abs(y - other.y) < 20;
    if (taken.some(overlaps)) continue;
    taken.push({ x, y, half });
    pen.strokeStyle = style.backgroundColor;
    pen.strokeText(label.name, x, y);
    pen.fillStyle = style.color;
    pen.fillText(label.name, x, y);
  }
}
