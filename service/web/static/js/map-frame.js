// Where the points of the map are on the canvas: how they fill it, and what is seen of it after zooming and moving.

const MARGIN = 34;
const REACH = 14;
const DEEPEST = 24;
const STRETCH = 1.4;

const ends = (values) =>
  values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);

/** All lengths are in pixels of the page. */
export class Frame {
  #points;
  #unit = [1, 1];
  #middle;
  #spread;
  #x = 0;
  #y = 0;

  constructor(points) {
    this.#points = points;
    this.width = 1;
    this.height = 1;
    this.scale = 1;
    const [left, right] = ends(points.map((point) => point.x));
    const [top, bottom] = ends(points.map((point) => point.y));
    this.#middle = [(left + right) / 2, (top + bottom) / 2];
    this.#spread = [Math.max(right - left, 0.01), Math.max(bottom - top, 0.01)];
  }

  /** Let the points fill so much; one direction is stretched a little where that helps. */
  resize(width, height) {
    this.width = width;
    this.height = height;
    const units = [(width - 2 * MARGIN) / this.#spread[0], (height - 2 * MARGIN) / this.#spread[1]];
    const most = Math.min(...units) * STRETCH;
    this.#unit = units.map((unit) => Math.min(unit, most));
    this.#hold();
  }

  placeOf({ x, y }) {
    return [
      this.#x + (this.width / 2 + (x - this.#middle[0]) * this.#unit[0]) * this.scale,
      this.#y + (this.height / 2 + (y - this.#middle[1]) * this.#unit[1]) * this.scale,
    ];
  }

  /** The point nearest to a place, of those that pass; `null` where none is within reach. */
  nearest(x, y, passes) {
    let best = null;
    let least = REACH ** 2;
    for (const point of this.#points) {
      if (passes && !passes(point)) continue;
      const [across, down] = this.placeOf(point);
      const apart = (across - x) ** 2 + (down - y) ** 2;
      if (apart < least) {
        best = point;
        least = apart;
      }
    }
    return best;
  }

  /** Zoom; what is at the place stays there. */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const scale = Math.min(DEEPEST, Math.max(1, this.scale * factor));
    this.#x = x - ((x - this.#x) * scale) / this.scale;
    this.#y = y - ((y - this.#y) * scale) / this.scale;
    this.scale = scale;
    this.#hold();
  }

  move(x, y) {
    this.#x += x;
    this.#y += y;
    this.#hold();
  }

  whole() {
    this.scale = 1;
    this.#hold();
  }

  closeUp(point, scale) {
    this.whole();
    this.zoom(scale, ...this.placeOf(point));
    const [x, y] = this.placeOf(point);
    this.move(this.width / 2 - x, this.height / 2 - y);
  }

  /** Nothing outside the whole map is ever seen. */
  #hold() {
    this.#x = Math.min(0, Math.max(this.width * (1 - this.scale), this.#x));
    this.#y = Math.min(0, Math.max(this.height * (1 - this.scale), this.#y));
  }
}
