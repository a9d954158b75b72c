// The picture of the map: moved with the pointer, two fingers, the wheel or the keyboard.
import { h, icon, whenLaidOut } from "./dom.js";
import { topicName } from "./format.js";
import { Frame } from "./map-frame.js";
import { labelsOf, paint, topicColours } from "./map-paint.js";

const STEP = 1.35;
const PAN = 60;
const CLICK = 5;
const TIP_HALF = 150;
const TIP_HEIGHT = 110;
const CLOSE_UP = 4;

/** A canvas with its buttons; `open` is told the point that somebody takes, `at` is the id of one to show. */
export function mapCanvas(found, { at, open, signal }) {
  const map = new MapCanvas(found, open);
  document.addEventListener("themechange", () => map.recolour(), { signal });
  const watching = new ResizeObserver(() => map.resize());
  watching.observe(map.canvas);
  signal.addEventListener("abort", () => watching.disconnect());
  const marked = found.points.find((point) => point.paper_id === at);
  if (marked) whenLaidOut(map.canvas, () => map.closeUp(marked));
  return { element: map.element, narrow: (passes) => map.narrow(passes) };
}

class MapCanvas {
  #held = new Map();
  #moved = 0;
  #next = 0;

  constructor(found, open) {
    this.found = found;
    this.open = open;
    this.frame = new Frame(found.points);
    // What is painted: the points that pass, the one under the pointer, and the one that was asked for.
    this.shown = { passes: null, near: null, marked: null, colours: null, labels: labelsOf(found) };
    const described = `Map of ${found.points.length} papers in ${found.topics.length} topics. Arrow keys move it, plus and minus zoom; the list has the same papers.`;
    this.canvas = h("canvas", { tabindex: "0", role: "img", "aria-label": described });
    this.tip = h("div", { class: "map-tip", hidden: true });
    const button = (name, drawing, onclick) =>
      h("button", { type: "button", class: "icon-button", "aria-label": name, title: name, onclick }, icon(drawing));
    const buttons = [
      button("Closer", "plus", () => this.zoom(STEP)),
      button("Further", "minus", () => this.zoom(1 / STEP)),
      button("The whole map", "whole", () => this.whole()),
    ];
    this.element = h(
      "div",
      { class: "map-picture" },
      this.canvas,
      this.tip,
      h("div", { class: "map-buttons" }, buttons),
    );
    this.#listen();
  }

  draw() {
    cancelAnimationFrame(this.#next);
    this.#next = requestAnimationFrame(() => {
      this.shown.colours ??= topicColours(this.canvas, this.found.topics);
      paint(this.canvas, this.found.points, this.frame, this.shown);
    });
  }

  recolour() {
    this.shown.colours = null;
    this.draw();
  }

  resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width) return;
    this.frame.resize(width, height);
    this.draw();
  }

  narrow(passes) {
    this.shown.passes = passes;
    this.draw();
  }

  zoom(factor, x, y) {
    this.frame.zoom(factor, x, y);
    this.draw();
  }

  move(x, y) {
    this.frame.move(x, y);
    this.draw();
  }

  whole() {
    this.frame.whole();
    this.draw();
  }

  closeUp(point) {
    this.resize();
    this.shown.marked = point;
    this.frame.closeUp(point, CLOSE_UP);
    this.draw();
  }

  /** The point at a place of the canvas, which is told and marked. */
  #pointAt(x, y) {
    const near = this.frame.nearest(x, y, this.shown.passes);
    if (near !== this.shown.near) {
      this.shown.near = near;
      this.#showTip(near);
      this.draw();
    }
    this.canvas.classList.toggle("over-point", near !== null);
    return near;
  }

  #showTip(point) {
    this.tip.hidden = point === null;
    if (point === null) return;
    const topic = this.found.topics.find((one) => one.topic === point.topic);
    const dot = h("span", { class: "dot", data: { topic: point.topic } });
    this.tip.replaceChildren(h("strong", {}, point.title), h("span", {}, dot, topicName(topic, 3)));
    const [x, y] = this.frame.placeOf(point);
    const right = Math.max(this.frame.width - TIP_HALF, TIP_HALF);
    this.tip.style.setProperty("left", `${Math.min(Math.max(x, TIP_HALF), right)}px`);
    this.tip.style.setProperty("top", `${y}px`);
    this.tip.classList.toggle("map-tip-below", y < TIP_HEIGHT);
  }

  #listen() {
    const { canvas } = this;
    const wheel = (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), ...this.#at(event));
    };
    canvas.addEventListener("wheel", wheel, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#held.set(event.pointerId, this.#at(event));
      if (this.#held.size === 1) this.#moved = 0;
    });
    canvas.addEventListener("pointermove", (event) => this.#pointerMoved(event));
    canvas.addEventListener("pointerup", (event) => this.#released(event));
    canvas.addEventListener("pointercancel", (event) => this.#held.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => this.#pointAt(-Infinity, -Infinity));
    canvas.addEventListener("keydown", (event) => this.#pressed(event));
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #pointerMoved(event) {
    const [x, y] = this.#at(event);
    const before = this.#held.get(event.pointerId);
    if (!before) {
      this.#pointAt(x, y);
      return;
    }
    this.#held.set(event.pointerId, [x, y]);
    this.#moved += Math.abs(x - before[0]) + Math.abs(y - before[1]);
    const other = [...this.#held].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const distance = (place) => Math.hypot(place[0] - other[0], place[1] - other[1]) || 1;
      this.zoom(distance([x, y]) / distance(before), (x + other[0]) / 2, (y + other[1]) / 2);
    } else if (this.#moved > CLICK) this.move(x - before[0], y - before[1]);
  }

  #released(event) {
    const [x, y] = this.#at(event);
    const clicked = this.#held.delete(event.pointerId) && this.#held.size === 0 && this.#moved <= CLICK;
    const near = clicked && this.#pointAt(x, y);
    if (near) this.open(near);
  }

  #pressed(event) {
    const actions = {
      ArrowLeft: () => this.move(PAN, 0),
      ArrowRight: () => this.move(-PAN, 0),
      ArrowUp: () => this.move(0, PAN),
      ArrowDown: () => this.move(0, -PAN),
      "+": () => this.zoom(STEP),
      "=": () => this.zoom(STEP),
      "-": () => this.zoom(1 / STEP),
      0: () => this.whole(),
    };
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  }
}
