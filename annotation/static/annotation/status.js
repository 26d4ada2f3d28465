// What the page says beside the images: how far this person is, what waits, and what is in the way.

import { gettext } from "./i18n.js";

const $ = (id) => document.getElementById(id);
const numbers = new Intl.NumberFormat(document.documentElement.lang);

export class Status {
  /** remaining: null where nobody can say how much there is. */
  constructor({ judged, remaining }) {
    this.judged = judged;
    this.remaining = remaining;
    this.waiting = 0;
  }

  /** One more answer, or with step −1 one less. */
  count(outcome, step) {
    if (outcome !== "skip") this.judged = Math.max(0, this.judged + step);
    if (this.remaining !== null) this.remaining = Math.max(0, this.remaining - step);
    this.show();
  }

  waits(answers) {
    this.waiting = answers;
    this.show();
  }

  show() {
    const { judged, remaining, waiting } = this;
    const left = remaining === null ? "" : ` · ${gettext("about %(count)s left", { count: numbers.format(remaining) })}`;
    $("progress").textContent = gettext("%(count)s judged", { count: numbers.format(judged) }) + left;
    $("meter").hidden = remaining === null;
    $("meter").max = judged + remaining || 1;
    $("meter").value = judged;
    $("waiting").hidden = !waiting;
    $("waiting").textContent = gettext("%(count)s waiting", { count: waiting });
  }

  /** Something is in the way: what, and what becomes of the answers. */
  held(problem) {
    if (problem.sessionEnded) {
      const kept = this.waiting ? ` ${gettext("Your answers are kept in this browser.")}` : "";
      this.say(`${gettext("You are not logged in any more.")}${kept}`, "held");
      $("login").hidden = false;
    } else if (problem.passes) {
      const kept = this.waiting ? ` ${gettext("Your answers are kept, and sent when it is back.")}` : "";
      this.say(`${problem.status ? gettext("The server is busy.") : gettext("The server cannot be reached.")}${kept}`, "held");
    } else {
      this.say(problem.message);
    }
  }

  goesOn() {
    this.say("");
    $("login").hidden = true;
  }

  get isHeld() {
    return $("notice").dataset.kind === "held";
  }

  say(text, kind = "") {
    $("notice").dataset.kind = kind;
    if ($("notice").textContent !== text) $("notice").textContent = text;
  }

  /** For screen readers alone. */
  announce(text) {
    $("announcer").textContent = text;
  }
}
