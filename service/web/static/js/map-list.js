// What the map shows, as a list: topics that unfold to their papers.
import { fill, h } from "./dom.js";
import { counted, topicName } from "./format.js";
import { paperLink } from "./papers.js";

/** The list of a map; `narrow` leaves only the papers that pass. */
export function mapList(found) {
  const element = h("div", { class: "map-list" });
  const draw = (passes) => {
    const parts = found.topics.map((topic) => [
      topic,
      found.points.filter((point) => point.topic === topic.topic && (!passes || passes(point))),
    ]);
    fill(
      element,
      parts.filter(([, points]) => points.length).map(([topic, points]) => part(topic, points, passes !== null)),
    );
  };
  draw(null);
  return { element, narrow: draw };
}

function part(topic, points, open) {
  const list = h("ul", {});
  const details = h(
    "details",
    { class: "map-topic", open },
    h(
      "summary",
      {},
      h("span", { class: "dot", data: { topic: topic.topic }, "aria-hidden": "true" }),
      h("span", {}, topicName(topic, 4)),
      h("span", { class: "legend-count" }, counted(points.length, "paper")),
    ),
    list,
  );
  // Thousands of links are made only where somebody looks.
  const unfold = () => {
    if (details.open && !list.hasChildNodes())
      fill(
        list,
        points.map((point) => h("li", {}, paperLink(point.paper_id, point.title))),
      );
  };
  details.addEventListener("toggle", unfold);
  unfold();
  return details;
}
