// Several images on the screen: a tile for each, as large as they fit, and what has been chosen of them.

import { Choice } from "./choice.js";
import { gettext } from "./i18n.js";

const GAP = 8; // px

export class Lineup {
  /**
   * done(levels): the choice is complete. changed(choice, text): something was chosen; `text` says it.
   * mark(tile, at): write its key on a new tile.
   */
  constructor(element, { done, changed, mark }) {
    this.element = element;
    this.on = { done, changed, mark };
    this.tiles = [];
    this.choice = null;
    new ResizeObserver(() => this.#fit()).observe(element);
  }

  /** The places of the pictures, for the view to fill. */
  show({ assignment, pictures, broken }) {
    this.choice = new Choice(assignment);
    this.broken = broken;
    while (this.tiles.length < pictures.length) this.tiles.push(this.#tile(this.tiles.length));
    this.tiles.length = pictures.length;
    // The same elements as before where there are some, so that the focus stays where it is.
    if (this.element.childElementCount !== pictures.length) this.element.replaceChildren(...this.tiles);
    this.ratios = assignment.images.map(({ width, height }) => width / height);
    this.#fit();
    this.#mark();
    this.on.changed(this.choice, "");
    return this.tiles.map((tile, at) => ({
      frame: tile.querySelector(".clip"),
      layer: tile.querySelector(".picture"),
      image: pictures[at],
    }));
  }

  clear() {
    this.choice = null;
    this.tiles = [];
    this.element.replaceChildren();
  }

  pick(at) {
    if (!this.choice || this.broken || at >= this.tiles.length) return;
    this.choice.toggle(this.choice.ids[at]);
    const place = this.choice.placeOf(this.choice.ids[at]);
    const number = at + 1;
    this.#tell(
      place
        ? gettext("Image %(number)s: %(place)s.", { number, place: inWords(place) })
        : gettext("Image %(number)s: not chosen.", { number }),
    );
  }

  /** Whether there was something to take back. */
  takeBack() {
    if (!this.choice?.picks.length) return false;
    this.choice.takeBack();
    this.#tell(gettext("Taken back."));
    return true;
  }

  #tell(text) {
    this.#mark();
    this.on.changed(this.choice, text);
    if (this.choice.complete) this.on.done(this.choice.levels);
  }

  #tile(at) {
    const tile = document.createElement("button");
    tile.type = "button";
    tile.className = "tile";
    tile.innerHTML =
      '<span class="frame"><span class="clip"><span class="picture"></span></span><kbd></kbd><span class="place"></span></span>';
    this.on.mark(tile, at);
    // The second click of a double click was meant for the image that was here.
    tile.addEventListener("click", (event) => event.detail < 2 && this.pick(at));
    return tile;
  }

  #mark() {
    const all = this.tiles.length;
    this.tiles.forEach((tile, at) => {
      const place = this.choice.placeOf(this.choice.ids[at]);
      tile.disabled = this.broken;
      tile.dataset.place = this.choice.isWorst(this.choice.ids[at]) ? "Worst" : "";
      tile.setAttribute("aria-pressed", String(Boolean(place)));
      tile.setAttribute("aria-label", named(at + 1, all, place));
      tile.querySelector(".place").textContent = place;
    });
  }

  /** In as many columns as show the smallest image the largest. */
  #fit() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!this.tiles.length || !width || !height) return;
    const grids = this.tiles.map((_, at) => tileIn(width, height, this.tiles.length, at + 1));
    const smallest = grids.map(([w, h]) => Math.min(...this.ratios.map((ratio) => areaIn(w, h, ratio))));
    const [w, h] = grids[smallest.indexOf(Math.max(...smallest))];
    this.tiles.forEach((tile, at) => {
      const ratio = this.ratios[at];
      const frame = tile.querySelector(".frame").style;
      Object.assign(tile.style, { width: `${w}px`, height: `${h}px` });
      Object.assign(frame, { width: `${Math.min(w, h * ratio)}px`, height: `${Math.min(h, w / ratio)}px` });
    });
  }
}

/** The width and height of a tile, where so many stand in so many columns. */
function tileIn(width, height, count, columns) {
  const rows = Math.ceil(count / columns);
  return [
    Math.max(1, Math.floor((width - GAP * (columns - 1)) / columns)),
    Math.max(1, Math.floor((height - GAP * (rows - 1)) / rows)),
  ];
}

/** How much of a tile an image of this ratio fills. */
function areaIn(width, height, ratio) {
  return Math.min((width * width) / ratio, height * height * ratio);
}

function inWords(place) {
  return Number(place) ? gettext("place %(number)s", { number: place }) : place.toLowerCase();
}

/** What a tile is for those who do not see it. */
function named(number, all, place) {
  if (!place) return gettext("Image %(number)s of %(all)s", { number, all });
  return gettext("Image %(number)s of %(all)s, %(place)s", { number, all, place: inWords(place) });
}
