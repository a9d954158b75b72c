// Elements are made here and nowhere else. Text becomes text nodes, so no string from outside is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `on…` properties are listeners, `data` its data attributes, `text` its text, the rest attributes. */
export function h(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** The same for SVG. */
function svg(tag, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/** Add children: nodes, strings (as text), or nothing. */
export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Replace what an element contains. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** A link to another site, or plain text where the address is not one of the web: `javascript:` and the like. */
export function outside(address, label) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return document.createTextNode(label);
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return document.createTextNode(label);
  // What a paper's record names without encryption is asked for with it.
  url.protocol = "https:";
  return h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer", class: "outside" }, label);
}

const ICONS = {
  arrow: "M5 12h14M13 6l6 6-6 6",
  close: "M6 6l12 12M18 6L6 18",
  search: "M11 4a7 7 0 1 0 0 14a7 7 0 0 0 0-14M16.2 16.2L21 21",
  warn: "M12 4L2.8 20h18.4zM12 10v4.5M12 17.2v.3",
  check: "M5 12.5l4.5 4.5L19 7.5",
  sun: "M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  auto: "M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 0 0 0-17M12 3.5v17M12 7.5h6.5M12 12h8.5M12 16.5h6.5",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  whole: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  down: "M5 9l7 7 7-7",
  stop: "M7 7h10v10H7z",
  map: "M9 4L3 6.5v13L9 17l6 3 6-2.5v-13L15 7zM9 4v13M15 7v13",
};

/** A small drawing that says nothing on its own. */
export function icon(name) {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", class: `icon icon-${name}`, "aria-hidden": "true" },
    svg("path", { d: ICONS[name] }),
  );
}

/** Do something once, when an element has its place on the page. */
export function whenLaidOut(element, what) {
  new ResizeObserver((_, observer) => {
    // It is told of elements, too, that are on no page yet.
    if (!element.isConnected) return;
    observer.disconnect();
    what();
  }).observe(element);
}

/** Say something to those who listen to the page. */
export function announce(text) {
  document.getElementById("announce").textContent = text;
}
