// Looking closely: every image on the screen enlarged on the same relative spot, the other image in place
// of this one, their difference, a reference. Transforms alone; the page's layout stays as it is.

const LARGEST = 8; // times as large as it fits, or
const PIXEL = 4; // device pixels for a pixel of the image, whichever is more
const STEP = 1.5; // of a key or button
const SIZES = { small: 800, medium: 1600, large: 2560 }; // of derivatives: pixels of the longest side
const AGAIN = { pause: 5000, tries: 24 }; // ms; for a sharper picture that the server is still making
const FIT = { zoom: 1, u: 0.5, v: 0.5 };

export class View {
  /** sizes: as the page's facts have them. changed(view): what is looked at, or how large, is another. */
  constructor(stage, { sizes = SIZES, changed }) {
    this.stage = stage;
    this.sizes = sizes;
    this.changed = changed;
    this.ports = [];
    this.pictures = [];
    this.at = FIT; // the point of each image, as parts of its sides, that is in the middle of its frame
    this.held = this.toggled = this.mode = ""; // or flip, difference, reference
    new ResizeObserver(() => this.#place()).observe(stage);
  }

  /**
   * ports: [{frame, layer, image, source}]: where each image is seen, what is transformed there, the decoded
   * element (or a note instead, without a source) and the API's image. reference: the same, of a third one.
   * spot: of what is seen; while it stays the same (another question about the pair), so does the view.
   */
  show(ports, { spot, pair, reference = null }) {
    const all = reference ? [...ports, reference] : ports;
    for (const { layer } of this.ports) if (all.every((port) => port.layer !== layer)) layer.replaceChildren();
    this.pair = pair;
    this.ports = all.map((port, at) => ({ ...port, at }));
    this.pictures = all.map(({ image, source }) => ({ elements: [image], source }));
    this.reference = reference ? this.pictures.at(-1) : null;
    if (spot !== this.spot) this.at = FIT;
    this.spot = spot;
    this.held = this.toggled = this.mode = "";
    this.#fill();
    this.#place();
    if (this.isZoomed) this.#sharpenSoon();
  }

  clear() {
    for (const { layer } of this.ports) layer.replaceChildren();
    this.ports = this.pictures = [];
    this.reference = this.spot = null;
    this.at = FIT;
    this.held = this.toggled = this.mode = "";
    this.stage.classList.remove("zoomed");
    this.changed(this);
  }

  get isZoomed() {
    return this.at.zoom > 1;
  }

  get canCompare() {
    return this.pair && this.pictures.length > 1 && this.pictures.every(({ source }) => source);
  }

  // --- What is seen ---

  /** Look at the pair in another way while something is held: "flip" or "reference"; "" when it is let go. */
  hold(mode) {
    this.held = mode;
    this.#look();
  }

  toggle(mode) {
    this.toggled = this.toggled === mode ? "" : mode;
    this.#look();
  }

  #look() {
    const wanted = this.held || this.toggled;
    const mode = this.canCompare && (wanted !== "reference" || this.reference) ? wanted : "";
    if (mode === this.mode) return;
    this.mode = mode;
    this.#fill();
    this.#place();
  }

  /** The pictures that a port shows now. */
  #shownAt({ at }) {
    const [left, right] = this.pictures;
    if (at > 1 || !this.mode) return [this.pictures[at]];
    if (this.mode === "flip") return [at ? left : right];
    if (this.mode === "reference") return [this.reference];
    return [left, right];
  }

  #fill() {
    const used = new Map();
    const take = (picture) => {
      const nth = used.get(picture) ?? 0;
      used.set(picture, nth + 1);
      picture.elements[nth] ??= picture.elements[0].cloneNode();
      // Painted with the frame that it comes in, not when it is ready.
      if (this.mode) picture.elements[nth].decoding = "sync";
      return picture.elements[nth];
    };
    for (const port of this.ports) {
      const shown = this.#shownAt(port).map(take);
      // Another question about the same images leaves them where they are.
      if (shown.length !== port.layer.childElementCount || shown.some((one, at) => one !== port.layer.children[at])) {
        port.layer.replaceChildren(...shown);
      }
      port.layer.classList.toggle("difference", this.mode === "difference" && port.at < 2);
    }
  }

  #place() {
    const { zoom, u, v } = this.at;
    for (const port of this.ports) {
      // Not measured where nothing hangs on it: the next pair must not wait for a layout.
      const box = (this.isZoomed || this.mode === "difference") && this.#boxOf(port);
      const { style } = port.layer;
      if (this.mode === "difference" && port.at < 2 && box) {
        // Both in the box of the left image, whatever their sizes.
        for (const { style } of port.layer.children) {
          Object.assign(style, { left: `${box.x}px`, top: `${box.y}px`, width: `${box.w}px`, height: `${box.h}px` });
        }
      } else {
        for (const child of port.layer.children) child.removeAttribute("style");
      }
      style.transform =
        box && this.isZoomed
          ? `translate(${box.W / 2 - zoom * (box.x + u * box.w)}px, ${box.H / 2 - zoom * (box.y + v * box.h)}px) scale(${zoom})`
          : "";
    }
    this.stage.classList.toggle("zoomed", this.isZoomed);
    this.changed(this);
  }

  /** The frame's size, and the box that the image fills in it when the whole of it is seen. */
  #boxOf(port) {
    const [{ source }] = this.#shownAt(port);
    const { width: W, height: H } = port.frame.getBoundingClientRect();
    if (!source || !W || !H) return null;
    const scale = Math.min(W / source.width, H / source.height);
    const [w, h] = [source.width * scale, source.height * scale];
    return { W, H, w, h, x: (W - w) / 2, y: (H - h) / 2, scale };
  }

  // --- Enlarging and moving ---

  in(point) {
    this.zoomBy(STEP, point);
  }

  out(point) {
    this.zoomBy(1 / STEP, point);
  }

  reset() {
    this.at = FIT;
    this.#place();
  }

  /** Enlarge by a factor, so that what is under the point {x, y} of the page (or in the middle) stays there. */
  zoomBy(factor, point) {
    const boxes = this.#boxes();
    if (!boxes.length) return;
    const { zoom, u, v } = this.at;
    const most = Math.max(LARGEST, ...boxes.map(({ scale }) => PIXEL / (scale * devicePixelRatio)));
    const next = Math.min(most, Math.max(1, zoom * factor));
    const { box, dx, dy } = this.#under(point, boxes);
    const by = 1 / zoom - 1 / next;
    this.at = { zoom: next, u: u + (dx * by) / box.w, v: v + (dy * by) / box.h };
    this.#hold(boxes);
  }

  /** Move what is seen by so many pixels of the page. */
  panBy(x, y, point) {
    const boxes = this.#boxes();
    if (!boxes.length || !this.isZoomed) return;
    const { zoom, u, v } = this.at;
    const { box } = this.#under(point, boxes);
    this.at = { zoom, u: u - x / (zoom * box.w), v: v - y / (zoom * box.h) };
    this.#hold(boxes);
  }

  #boxes() {
    return this.ports
      .map((port) => ({ ...this.#boxOf(port), frame: port.frame, picture: this.pictures[port.at] }))
      .filter(({ w }) => w);
  }

  /** The box at a point of the page, and how far from its middle the point is. */
  #under(point, boxes) {
    for (const box of point ? boxes : []) {
      const { left, top, width, height } = box.frame.getBoundingClientRect();
      const [dx, dy] = [point.x - left - width / 2, point.y - top - height / 2];
      if (Math.abs(dx) <= width / 2 && Math.abs(dy) <= height / 2) return { box, dx, dy };
    }
    return { box: boxes[0], dx: 0, dy: 0 };
  }

  /** No further than to the edge of the image that reaches furthest. */
  #hold(boxes) {
    const { zoom, u, v } = this.at;
    const within = (value, frame, side) => {
      const least = Math.min(0.5, ...boxes.map((box) => box[frame] / (2 * zoom * box[side])));
      return Math.min(1 - least, Math.max(least, value));
    };
    this.at = zoom > 1.001 ? { zoom, u: within(u, "W", "w"), v: within(v, "H", "h") } : FIT;
    this.#place();
    this.#sharpenSoon();
  }

  // --- Sharper pictures for what is enlarged ---

  #sharpenSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.#sharpen(), 80);
  }

  /** All of them at once, once all are decoded: none is seen sharper than another. */
  async #sharpen(size = this.#sizeNeeded()) {
    const { pictures } = this;
    if (!size || pictures.size === size || pictures.some(({ source }) => !source)) return;
    pictures.size = size;
    try {
      const sharper = await Promise.all(pictures.map((picture) => decoded(picture, size)));
      if (this.pictures !== pictures || pictures.size !== size) return;
      pictures.forEach((picture, at) => (picture.elements = [sharper[at]]));
      this.#fill();
      this.#place();
    } catch {
      if (pictures.size !== size) return;
      pictures.size = null;
      if (this.pictures === pictures) this.#sharpenLater(size);
    }
  }

  /** A worker may be making it: it is asked for again, and the largest that any request gets seen meanwhile. */
  #sharpenLater(size) {
    const { pictures } = this;
    pictures.tries = (pictures.tries ?? 0) + 1;
    if (pictures.tries > AGAIN.tries) return; // the next enlargement tries again
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.pictures === pictures && this.isZoomed && this.#sharpen(), AGAIN.pause);
    if (size === "full" && this.#boxes().some(({ picture }) => this.#pixelsOf(picture.elements[0]) < this.sizes.large)) {
      this.#sharpen("large");
    }
  }

  /** The size in which the least sharp of them would have a pixel for each of the screen's, if it lacks them. */
  #sizeNeeded() {
    const lacking = this.#boxes().map((box) => {
      const { source, elements } = box.picture;
      const longest = Math.max(source.width, source.height);
      const needed = Math.min(longest, Math.max(box.w, box.h) * this.at.zoom * devicePixelRatio);
      return needed > 1.05 * this.#pixelsOf(elements[0]) ? needed : 0;
    });
    const needed = Math.max(0, ...lacking);
    if (!needed) return null;
    return needed <= this.sizes.large ? "large" : "full";
  }

  #pixelsOf({ src }) {
    const size = new URL(src).searchParams.get("size") ?? "medium";
    return size === "full" ? Infinity : (this.sizes[size] ?? this.sizes.medium);
  }
}

async function decoded({ elements: [image], source }, size) {
  const sharper = image.cloneNode();
  sharper.removeAttribute("srcset");
  sharper.decoding = "sync";
  const url = new URL(source.image, document.baseURI);
  url.searchParams.set("size", size);
  sharper.src = url;
  await sharper.decode();
  return sharper;
}
