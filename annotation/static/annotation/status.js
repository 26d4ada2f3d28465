// What the page says beside the images: how far this person is, what waits, and what is in the way.

import { gettext, ngettext } from "./i18n.js";

const READ = 4000; // ms

const $ = (id) => document.getElementById(id);
const numbers = new Intl.NumberFormat(document.documentElement.lang);

/** Do this once what has just been changed is on the screen: nobody waits for it. */
export function afterPaint(task) {
  if (document.hidden) setTimeout(task);
  else requestAnimationFrame(() => setTimeout(task));
}

/** So many seconds of work, about, in words. */
export function timeInWords(seconds) {
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 90) return ngettext("%(count)s min", "%(count)s min", minutes);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return gettext("%(hours)s h %(minutes)s min", { hours, minutes: rest });
}

export class Status {
  /** remaining: null where nobody can say how much there is. pace(): the seconds that one takes, or null. */
  constructor({ judged, remaining }, pace) {
    this.judged = judged;
    this.remaining = remaining;
    this.pace = pace;
    this.waiting = 0;
  }

  /** One more answer, or with step −1 one less. */
  count(outcome, step) {
    if (outcome !== "skip") this.judged += step;
    if (this.remaining !== null) this.remaining -= step;
    this.showSoon();
  }

  waits(waiting) {
    if (waiting === this.waiting) return;
    this.waiting = waiting;
    this.showSoon();
  }

  /** Once for all that changes at a time, and not before the next pair is seen. */
  showSoon() {
    if (this.soon) return;
    this.soon = true;
    afterPaint(() => this.show());
  }

  show() {
    this.soon = false;
    const judged = Math.max(0, this.judged);
    const remaining = this.remaining === null ? null : Math.max(0, this.remaining);
    $("progress").textContent = [
      gettext("%(judged)s judged", { judged: numbers.format(judged) }),
      remaining !== null && gettext("about %(remaining)s left", { remaining: numbers.format(remaining) }),
      remaining && this.pace() && gettext("about %(time)s", { time: timeInWords(remaining * this.pace()) }),
    ]
      .filter(Boolean)
      .join(" · ");
    $("meter").hidden = remaining === null;
    $("meter").max = judged + remaining || 1;
    $("meter").value = judged;
    $("waiting").hidden = !this.waiting;
    $("waiting").textContent = ngettext("%(count)s waiting", "%(count)s waiting", this.waiting);
  }

  /** Something is in the way: what, and what becomes of the answers. */
  held(problem) {
    if (problem.sessionEnded) {
      const kept = this.waiting ? ` ${gettext("Your answers are kept in this browser.")}` : "";
      this.say(gettext("You are not logged in any more.") + kept, "held");
      $("login").hidden = false;
    } else if (problem.passes) {
      const kept = this.waiting ? ` ${gettext("Your answers are kept, and sent when it is back.")}` : "";
      this.say(
        (problem.status ? gettext("The server is busy.") : gettext("The server cannot be reached.")) + kept,
        "held",
      );
    } else {
      this.say(problem.message);
    }
  }

  goesOn() {
    if (this.isHeld) this.say("");
    $("login").hidden = true;
  }

  get kind() {
    return $("notice").dataset.kind;
  }

  get isHeld() {
    return this.kind === "held";
  }

  /** What was said a while ago, and is not in the way any more, has been read. */
  tidy(ms = READ) {
    if (!this.kind && performance.now() - this.saidAt > ms) this.say("");
  }

  get isLoggedOut() {
    return !$("login").hidden;
  }

  say(text, kind = "") {
    $("notice").dataset.kind = kind;
    this.saidAt = performance.now();
    if ($("notice").textContent !== text) $("notice").textContent = text;
  }

  /** For screen readers alone. */
  announce(text) {
    $("announcer").textContent = text;
  }
}
