// A person's stretch of work in this tab: how fast it goes, when a pause would be good, and what it came to.

import { gettext, ngettext } from "./i18n.js";
import { timeInWords } from "./status.js";
import { tab } from "./store.js";

const MINUTE = 60_000;
const BREAK = 5 * MINUTE; // who does nothing for so long has had one
const NEW_DAY = 4 * 60 * MINUTE; // and after so long begins another session
const DEAF = 600; // ms, in which what was pressed was meant for the images
const PACE = { least: 5, of: 50 }; // votes whose median says how long one takes
const KINDS = ["tie", "both_bad", "skip"];

const $ = (id) => document.getElementById(id);
const numbers = new Intl.NumberFormat(document.documentElement.lang);

export class Session {
  /** waiting(): how many answers and undos are not acknowledged. resumed(): a dialog was closed. */
  constructor({ queue, pause_after = 0, seconds_each = null }, { waiting, resumed }) {
    this.name = `session:${queue}`;
    this.pauseAfter = pause_after * MINUTE;
    this.usual = seconds_each;
    this.waiting = waiting;
    this.state = tab.get(this.name) ?? {};
    if (!this.state.last || Date.now() - this.state.last > NEW_DAY) this.#begin();
    this.deafUntil = 0;
    for (const kind of ["keydown", "click"]) addEventListener(kind, (event) => this.#ignore(event), true);
    for (const dialog of [$("pause"), $("summary")]) {
      dialog.addEventListener("close", () => {
        this.byItself = false;
        this.#keep({ since: Date.now() });
        resumed();
      });
    }
    $("pause-take").addEventListener("click", () => this.#take());
    $("pause-on").addEventListener("click", () => $("pause").close());
    $("end").addEventListener("click", () => this.summarise());
    $("summary-on").addEventListener("click", () => $("summary").close());
    for (const link of $("summary").querySelectorAll("a")) link.addEventListener("click", () => this.#begin());
  }

  // --- What was done ---

  voted(outcome, took) {
    const { last, since, active, durations, counts } = this.state;
    const now = Date.now();
    const gap = now - last;
    const steady = gap >= 0 && gap <= BREAK;
    // Of a break nobody knows when it ended.
    const spent = steady ? gap : Math.min(took, MINUTE);
    this.#keep({
      last: now,
      since: steady ? since : now - spent,
      active: active + spent,
      durations: [...durations, took].slice(-PACE.of),
      counts: { ...counts, [outcome]: (counts[outcome] ?? 0) + 1 },
      seen: false,
    });
    if (this.pauseAfter && now - this.state.since >= this.pauseAfter) this.#suggest();
  }

  /** It counts no more: undone, or never recorded. */
  voided(outcome, undone) {
    const { counts, undone: before } = this.state;
    const left = Math.max(0, (counts[outcome] ?? 0) - 1);
    this.#keep({ counts: { ...counts, [outcome]: left }, undone: before + Number(undone) });
  }

  /** What one answer takes: of late, or as long as there are few, by the person's earlier ones; or null. */
  get secondsEach() {
    const { durations } = this.state;
    if (durations.length < PACE.least) return this.usual;
    const sorted = [...durations].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] / 1000;
  }

  #begin() {
    const now = Date.now();
    this.state = { last: now, since: now, active: 0, durations: [], counts: {}, undone: 0, seen: false };
    tab.set(this.name, this.state);
  }

  #keep(changed) {
    Object.assign(this.state, changed);
    tab.set(this.name, this.state);
  }

  // --- Dialogs: between two pairs, and never in the way of a key that was meant for a pair ---

  #open(dialog) {
    if (document.querySelector("dialog[open]")) return false;
    dialog.showModal();
    return true;
  }

  /** One that nobody asked for. */
  #openUnasked(dialog) {
    if (this.#open(dialog)) this.deafUntil = performance.now() + DEAF;
  }

  #ignore(event) {
    if (performance.now() >= this.deafUntil || !document.querySelector("dialog[open]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  #suggest() {
    const minutes = Math.round((Date.now() - this.state.since) / MINUTE);
    $("pause-title").textContent = gettext("Time for a pause?");
    $("pause-text").textContent = ngettext(
      "You have been judging for %(count)s minute. Eyes and judgement stay sharper with a pause now and then.",
      "You have been judging for %(count)s minutes. Eyes and judgement stay sharper with a pause now and then.",
      minutes,
    );
    $("pause-take").hidden = false;
    this.#openUnasked($("pause"));
  }

  #take() {
    $("pause-title").textContent = gettext("A pause");
    $("pause-text").textContent = gettext("Look into the distance for a while. Nothing is timed, and nothing is lost.");
    $("pause-take").hidden = true;
    $("pause-on").focus();
  }

  /** What the session came to. reason: why there is nothing more to judge, if it is that. */
  summarise(reason = "") {
    const { counts, active, undone } = this.state;
    const judged = Object.entries(counts).reduce((sum, [outcome, n]) => sum + (outcome === "skip" ? 0 : n), 0);
    const say = (name, text) => ($("summary").querySelector(`[data-fact=${name}]`).textContent = text);
    $("summary-reason").textContent = reason;
    $("summary-reason").hidden = !reason;
    say("judged", numbers.format(judged));
    say("time", active ? timeInWords(active / 1000) : "–");
    say("pace", active >= MINUTE && judged ? numbers.format(Math.round((judged * 60 * MINUTE) / active)) : "–");
    for (const kind of KINDS) say(kind, numbers.format(counts[kind] ?? 0));
    say("undone", numbers.format(undone));
    this.showWaiting();
    this.#keep({ seen: true });
    if (reason) this.#openUnasked($("summary"));
    else this.#open($("summary"));
  }

  showWaiting() {
    const waiting = this.waiting();
    $("summary-waiting").textContent = waiting
      ? ngettext(
          "%(count)s answer still waits to be sent. It is kept in this browser.",
          "%(count)s answers still wait to be sent. They are kept in this browser.",
          waiting,
        )
      : gettext("All your answers have arrived.");
  }

  /** There is nothing more to judge, and all is sent: say what it came to, once. */
  over(reason) {
    if (this.state.seen || !Object.values(this.state.counts).some(Boolean) || this.waiting()) return;
    this.summarise(reason);
    this.byItself = $("summary").open;
  }

  /** There is something to judge again. */
  goesOn() {
    if (this.byItself) $("summary").close();
  }
}
