// The pictures of a screen, decoded before they are shown, in the size that this screen needs.

import { gettext } from "./i18n.js";

const RETRY = { first: 1000, longest: 30_000, tries: 12 }; // ms
const { sizes = {} } = JSON.parse(document.getElementById("facts").textContent);

/** What is on the screen at once: the same for all questions that are asked about it. */
export function nameOf({ screen, left, right, images, reference }) {
  return [screen, ...(images ?? [left, right, ...(reference ? [reference] : [])]).map(({ id }) => id)].join();
}

export class Pictures {
  /** changed(): they are ready, or broken. Those that do not come are asked for again. */
  constructor({ left, right, images, reference }, changed) {
    this.changed = changed;
    this.ready = this.broken = false;
    this.tries = 0;
    const sides = images ?? [left, right];
    const names = images
      ? images.map((_, at) => gettext("Image %(place)s of %(count)s", { place: at + 1, count: images.length }))
      : [gettext("Left image"), gettext("Right image")];
    this.make = sides.map((side, at) => () => picture(side, names[at], sides.length));
    this.elements = this.make.map((make) => make());
    this.reference = reference ? picture(reference, gettext("Reference"), sides.length) : null;
    this.#load();
  }

  async #load() {
    // A reference that cannot be shown is missed, but the pair can be judged without.
    const helpful = this.reference?.decode().catch(() => (this.reference = null));
    try {
      await Promise.all([...this.elements.map((image) => image.decode()), helpful]);
      this.ready = true;
      this.broken = false;
    } catch {
      this.broken = true;
      const pause = Math.min(RETRY.longest, RETRY.first * 2 ** this.tries++);
      if (this.tries < RETRY.tries) this.timer = setTimeout(() => this.retry(), pause);
    }
    this.changed();
  }

  /** Ask again for those that did not come. */
  retry() {
    clearTimeout(this.timer);
    if (!this.broken || this.closed) return;
    this.elements = this.elements.map((image, at) => (isThere(image) ? image : this.make[at]()));
    this.#load();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }
}

export function isThere(image) {
  return image.complete && image.naturalWidth > 0;
}

function picture(side, alt, count) {
  const image = new Image(side.width, side.height);
  image.alt = alt;
  image.draggable = false;
  image.src = sourceOf(side, count);
  return image;
}

/** The address of the smallest size of an image that has a pixel for each of the screen's. */
export function sourceOf(side, count = 2) {
  const needed = pixelsNeeded(side, paneOf(count));
  const known = Object.entries(sizes).sort(([, a], [, b]) => a - b);
  const [size] = known.find(([, longest]) => longest >= needed) ?? known.at(-1) ?? [];
  return size ? `${side.image}?size=${size}` : side.image;
}

/** Of the longest side, in device pixels; an image that is smaller has no more to show. */
function pixelsNeeded({ width, height }, pane) {
  const longest = Math.max(width, height);
  const scale = Math.min(pane.width / width, pane.height / height);
  return Math.min(longest, Math.ceil(longest * scale * devicePixelRatio));
}

/** The room for each of so many images in the stage, which says by its grid how panes stand. */
function paneOf(count) {
  const stage = document.getElementById("stage");
  const style = getComputedStyle(stage);
  const width = stage.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const gap = parseFloat(style.columnGap) || 0;
  const stacked = width < stage.clientHeight;
  const grid = count === 2 ? style.gridTemplateColumns.split(" ").length : Math.ceil(Math.sqrt(count));
  const columns = count > 2 && stacked ? Math.ceil(count / grid) : grid;
  const rows = Math.max(1, Math.ceil(count / columns));
  return { width: (width - gap * (columns - 1)) / columns, height: (stage.clientHeight - gap * (rows - 1)) / rows };
}
