// What has been chosen of several images so far, and what it says once it is complete.

import { gettext } from "./i18n.js";
import { tab } from "./store.js";

const KEPT = "choice"; // in this tab's storage, so that a reload does not cost what was chosen

export class Choice {
  constructor({ id, screen, images }) {
    this.assignment = id;
    this.screen = screen;
    this.ids = images.map((image) => image.id);
    this.picks = kept(id).filter((pick) => this.ids.includes(pick));
  }

  /** Choose an image; chosen again, it is as before. */
  toggle(id) {
    const left = this.picks.filter((pick) => pick !== id);
    this.picks = left.length < this.picks.length ? left : [...left, id];
    this.#keep();
  }

  takeBack() {
    this.picks.pop();
    this.#keep();
  }

  /** Of all but one image in order, the last follows. */
  get complete() {
    return this.picks.length >= { best: 1, best_worst: 2, order: this.ids.length - 1 }[this.screen];
  }

  /** Each image stands above those of later lists. */
  get levels() {
    const others = this.ids.filter((id) => !this.picks.includes(id));
    const [best, worst] = this.picks;
    if (this.screen === "best") return [[best], others];
    if (this.screen === "best_worst") return [[best], others, [worst]];
    return [...this.picks, ...others].map((id) => [id]);
  }

  /** What stands on the image: its place, or nothing. */
  placeOf(id) {
    const at = this.picks.indexOf(id);
    if (at < 0) return "";
    return this.screen === "order" ? String(at + 1) : [gettext("Best"), gettext("Worst")][at];
  }

  isWorst(id) {
    return this.screen === "best_worst" && this.picks.indexOf(id) === 1;
  }

  /** What to do now, in a line. */
  get task() {
    const [all, chosen] = [this.ids.length, this.picks.length];
    if (this.screen === "best") return gettext("Choose the best of the %(all)s.", { all });
    if (this.screen === "best_worst") return chosen ? gettext("Now choose the worst.") : gettext("Choose the best, then the worst.");
    if (!chosen) return gettext("Put them in order: choose the best first.");
    return gettext("Now the best of the other %(others)s.", { others: all - chosen });
  }

  #keep() {
    const { assignment, picks } = this;
    tab.set(KEPT, this.complete ? null : { assignment, picks });
  }
}

function kept(assignment) {
  const choice = tab.get(KEPT);
  return choice?.assignment === assignment ? choice.picks : [];
}
