// What comes next: asked for, and its pictures decoded, before it is shown.

import { Pictures, nameOf } from "./pictures.js";
import { keyOf } from "./turns.js";

export { sourceOf } from "./pictures.js";

const AHEAD = 2; // screens besides the one that is seen
const MOST = 5; // that the API gives at once
const BEHIND = 12; // screens whose pictures are kept, so that undo shows them at once

/** One assignment with its pictures, ready to be put into the page: two sides, or several in their order. */
class Shown {
  constructor(assignment, screen) {
    this.assignment = assignment;
    this.screen = screen;
  }

  get key() {
    return keyOf(this.assignment);
  }

  /** More than two images, of which `screen` says what is asked. */
  get several() {
    return Boolean(this.assignment.images);
  }

  get ready() {
    return this.screen.ready;
  }

  get broken() {
    return this.screen.broken;
  }

  get pictures() {
    return this.screen.elements;
  }

  get reference() {
    return this.screen.reference;
  }
}

export class Ahead {
  /**
   * ask(count): a promise of {results, reason}. waiting(assignment): does the queue have an answer to this?
   * changed(): what is to be shown has got its pictures, or they cannot be had.
   */
  constructor(ask, waiting, changed) {
    this.ask = ask;
    this.waiting = waiting;
    this.changed = changed;
    this.list = [];
    this.screens = new Map(); // pictures by their names, those last in use at the end
    this.answered = new Set();
    this.reason = "";
    this.asking = null;
    addEventListener("online", () => this.#retryPictures());
  }

  get current() {
    return this.list[0];
  }

  get short() {
    return new Set(this.list.map((one) => one.screen)).size <= AHEAD;
  }

  /** Take this off the list: it is answered, here or in another tab. amiss: and so is all about its images. */
  drop(assignment, amiss = false) {
    const key = keyOf(assignment);
    this.answered.add(key);
    const same = ({ screen }) => amiss && screen === this.screens.get(nameOf(assignment));
    this.list = this.list.filter((one) => one.key !== key && !same(one));
  }

  /** Show again what was undone, before all else. */
  putFirst(assignment) {
    const key = keyOf(assignment);
    this.answered.delete(key);
    const same = this.list.find((one) => one.key === key);
    this.list = [same ?? this.#shown(assignment), ...this.list.filter((one) => one !== same)];
  }

  /** What was undone has become this assignment at the server; or, without one, is not asked again. */
  settle(key, reopened) {
    if (!reopened) this.list = this.list.filter((one) => one.key !== key);
    for (const one of this.list) if (one.key === key) one.assignment = reopened;
  }

  /** Ask the server for what is open. waiting: how many of these are answered already. */
  async refill(waiting = 0) {
    this.asking ??= this.ask(Math.min(MOST, 1 + AHEAD + waiting)).finally(() => (this.asking = null));
    const { results, reason } = await this.asking;
    this.reason = reason ?? "";
    this.#merge(results);
    // Now that the server is there.
    this.#retryPictures();
  }

  #merge(assignments) {
    const known = new Map(this.list.map((one) => [one.key, one]));
    const open = assignments
      .filter((one) => !this.answered.has(keyOf(one)) && !this.waiting(one))
      .map((assignment) => {
        const one = known.get(keyOf(assignment)) ?? this.#shown(assignment);
        return Object.assign(one, { assignment });
      });
    // What is on the screen stays there; then comes what the server does not know yet that it is undone.
    const kept = this.list.filter((one) => one === this.current || (one.assignment.pending && !open.includes(one)));
    this.list = [...kept, ...open.filter((one) => !kept.includes(one))];
  }

  #shown(assignment) {
    const name = nameOf(assignment);
    const screen = this.screens.get(name) ?? new Pictures(assignment, () => this.#loaded(screen));
    this.screens.delete(name);
    this.screens.set(name, screen);
    this.#forget();
    return new Shown(assignment, screen);
  }

  #loaded(screen) {
    if (this.current?.screen === screen) this.changed();
  }

  #forget() {
    const inUse = new Set(this.list.map((one) => one.screen));
    for (const [name, screen] of this.screens) {
      if (this.screens.size - inUse.size <= BEHIND) return;
      if (inUse.has(screen)) continue;
      screen.close();
      this.screens.delete(name);
    }
  }

  #retryPictures() {
    for (const { screen } of this.list) screen.retry();
  }
}
