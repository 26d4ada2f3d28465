// What comes next: asked for, and its pictures decoded, before it is shown.

import { gettext } from "./i18n.js";

const AHEAD = 2; // besides what is on the screen
const MOST = 5; // that the API gives at once

/** One assignment with its pictures, ready to be put into the page: two sides, or several in their order. */
class Shown {
  constructor(assignment) {
    this.assignment = assignment;
    this.ready = false;
    this.broken = false;
    this.load();
  }

  /** More than two images, of which `screen` says what is asked. */
  get several() {
    return Boolean(this.assignment.images);
  }

  /** Always resolves: then it is ready, or broken. */
  load() {
    const { left, right, images } = this.assignment;
    this.broken = false;
    this.pictures = images
      ? images.map((image, at) => picture(image, gettext("Image %(number)s of %(all)s", { number: at + 1, all: images.length })))
      : [picture(left, gettext("Left image")), picture(right, gettext("Right image"))];
    this.loaded = Promise.all(this.pictures.map((image) => image.decode())).then(
      () => void (this.ready = true),
      () => void (this.broken = true),
    );
    return this.loaded;
  }
}

function picture(source, alt) {
  const image = new Image(source.width, source.height);
  image.alt = alt;
  image.draggable = false;
  image.src = source.image;
  return image;
}

export class Ahead {
  /** ask(count): a promise of {results, reason}. waiting(id): is this assignment's answer in the queue? */
  constructor(ask, waiting) {
    this.ask = ask;
    this.waiting = waiting;
    this.list = [];
    this.answered = new Set();
    this.reason = "";
    this.asking = null;
  }

  get current() {
    return this.list[0];
  }

  get short() {
    return this.list.length <= AHEAD;
  }

  /** Take this assignment off the list: it is answered, here or in another tab. */
  drop(id) {
    this.answered.add(id);
    this.list = this.list.filter((one) => one.assignment.id !== id);
  }

  /** Show again what was answered, and taken back before it was sent. */
  putFirst(assignment) {
    this.answered.delete(assignment.id);
    this.list.unshift(new Shown(assignment));
  }

  /** Ask the server for what is open. undone: the first of its list comes before what is on the screen. */
  async refill({ waiting = 0, undone = false } = {}) {
    if (undone) await this.asking?.catch(() => {});
    this.asking ??= this.ask(Math.min(MOST, 1 + AHEAD + waiting)).finally(() => (this.asking = null));
    const { results, reason } = await this.asking;
    this.reason = reason ?? "";
    this.#merge(results, undone);
  }

  #merge(assignments, undone) {
    const known = new Map(this.list.map((one) => [one.assignment.id, one]));
    const open = assignments.filter(({ id }) => !this.answered.has(id) && !this.waiting(id));
    const merged = open.map((assignment) => {
      const one = known.get(assignment.id);
      // Pictures that did not come are asked for again, now that the server is there.
      return one && !one.broken ? one : new Shown(assignment);
    });
    // What is on the screen stays there, unless something undone takes its place.
    const first = this.current;
    if (first && !undone) {
      const at = merged.findIndex((one) => one.assignment.id === first.assignment.id);
      const [same] = at < 0 ? [first] : merged.splice(at, 1);
      merged.unshift(same);
    }
    this.list = merged;
  }
}
