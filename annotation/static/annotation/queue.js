// Answers and undos wait here until the server has acknowledged them.
//
// Each answer is a turn in the browser's store, written before it is sent; so is the wish to undo it. Neither a
// reload nor a second tab loses one or sends it again. `turns` is this page's view of the store, for showing;
// what is sent is read from the store itself. Should something be sent twice all the same (its acknowledgement
// was lost), the server keeps one comparison, and undoes it once.

import { Problem } from "./api.js";
import { gettext } from "./i18n.js";
import { inMemory, openStore } from "./store.js";
import {
  counts, forgettable, keyAgain, keyOf, lastStanding, laterThan, newsIn, nextOrder, pendingAgain, settled, tasksOf,
  waits,
} from "./turns.js";

const LONGEST_PAUSE = 30_000; // ms

export class Queue {
  /**
   * name: of this person's and project's queue. Each of send throws a Problem:
   * send.answer(turn, ms since it was given): the comparison;
   * send.undo(turn): {reopened, reason}, the new assignment, or null and why there is none;
   * send.renew(): whether the person is logged in after all, and the next call will know it.
   *
   * on.happened(change, facts, here): here, or in another tab,
   *   "answered" {turn}; "withdrawn" {turn, shown}: to be undone, and what is shown again; "sent" {turn};
   *   "refused" {turn, dropped, message}: never recorded; "undone" {turn, reopened, reason, dropped};
   *   "kept" {turn, dropped, message}: the undo was refused; `dropped`: what had been answered again.
   * Of the first two it hears from other tabs alone. on.held(problem): all is kept, and why it waits.
   * on.changed(): turns came or went. on.forgetful(): from now on, things are kept in memory alone.
   */
  constructor(name, send, on) {
    this.name = name;
    this.send = send;
    this.on = on;
    this.seen = new Map();
    this.givenAt = new Map(); // by a clock that nobody sets
    this.changes = 0;
    this.flushing = false;
    this.failures = 0;
    this.renewed = false;
    this.wake = () => {};
    this.channel = new BroadcastChannel(name);
    addEventListener("online", () => this.retryNow());
  }

  /** Find what an earlier page has left; before anything else. */
  async open() {
    this.store = await openStore(this.name);
    if (!this.store.lasting) this.on.forgetful();
    await this.#look();
    this.channel.onmessage = ({ data }) => this.#hear(data);
  }

  get turns() {
    return [...this.seen.values()];
  }

  /** What is not acknowledged, in the order in which it is sent: {turn, undo: whether it is its undo}. */
  get tasks() {
    return tasksOf(this.turns);
  }

  get waiting() {
    return this.tasks.length;
  }

  /** Whether closing the page would lose something. */
  get endangered() {
    return !this.store.lasting && this.waiting > 0;
  }

  has(key) {
    return counts(this.seen.get(key));
  }

  /** said: {outcome, duration_ms} and what else belongs to the answer. */
  async add(assignment, said) {
    const turn = { key: keyOf(assignment), assignment, said, given: Date.now(), tried: false };
    turn.order = nextOrder(this.turns);
    this.givenAt.set(turn.key, performance.now());
    this.#note([turn.key], [turn]);
    await this.#stored((store) => store.put(turn));
    this.#tell("answered", { turn });
    this.flush();
  }

  /**
   * Undo the last answer: taken out if it surely was not sent, else to be undone at the server as soon as it
   * can. {turn, shown}, the latter what is shown again; {beyond: true}, if more than `steps` would be undone;
   * or null, if nothing is known of the past.
   */
  async undo(steps) {
    for (;;) {
      await this.#look();
      const last = lastStanding(this.turns);
      if (!last) return null;
      if (laterThan(last, this.turns) >= steps) return { beyond: true };
      const order = nextOrder(this.turns);
      const [turn] = await this.#change([last.key], (now) => {
        if (!now || now.undone || now.undo) return undefined;
        return now.tried ? { ...now, undo: order } : { ...now, undone: true };
      });
      if (!turn) continue; // another tab was faster
      const shown = turn.undo ? pendingAgain(turn.assignment) : settled(turn.assignment, this.turns);
      this.#tell("withdrawn", { turn, shown });
      this.flush();
      return { turn, shown };
    }
  }

  /** Learn from rows of the server's history what was answered elsewhere. */
  async learn(rows) {
    await this.#look();
    const { missing, gone } = newsIn(rows, this.turns);
    const found = new Map(missing.map((turn) => [turn.key, turn]));
    await this.#change([...found.keys()], (now, key) => (now ? undefined : found.get(key)));
    await this.#change(
      gone.map((turn) => turn.key),
      (now) => (now && !now.undo && !now.undone ? { ...now, undone: true } : undefined),
    );
  }

  /** Send what waits, one after another, with growing pauses while it fails. */
  async flush() {
    if (this.flushing) return;
    this.flushing = true;
    try {
      let pause = 0;
      while (pause !== null && this.waiting) {
        if (pause) await this.#pause(pause);
        // Held for one thing at a time: tabs take turns, and none sends what another is sending.
        pause = await this.#alone(() => this.#sendNext());
      }
    } finally {
      this.flushing = false;
    }
  }

  retryNow() {
    this.wake();
    this.flush();
  }

  /** The ms to wait before the next, or null when there is no use in going on. */
  async #sendNext() {
    await this.#look();
    const [task] = this.tasks;
    if (!task) return 0;
    try {
      await (task.undo ? this.#sendUndo(task.turn) : this.#sendAnswer(task.turn));
      this.failures = 0;
      this.renewed = false;
      return 0;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      return this.#afterProblem(task, problem);
    }
  }

  async #sendAnswer({ key }) {
    // From here on it may have arrived, whatever we hear.
    const [turn] = await this.#change([key], (now) =>
      waits(now) ? { ...now, assignment: settled(now.assignment, this.turns), tried: true } : undefined,
    );
    if (!turn) return; // taken out a moment ago
    if (turn.assignment.pending) throw new Problem(410, gettext("It is not reserved for you any more."));
    const comparison = await this.send.answer(turn, this.#age(turn));
    const made = Date.parse(comparison.created_at);
    await this.#change([key], (now) => now && { ...now, comparison: comparison.id, made });
    this.#happened("sent", { turn });
    const old = forgettable(turn, this.turns).map((one) => one.key);
    // Unless it has been answered anew, in another tab, since this one looked.
    if (old.length) await this.#change(old, (now) => (waits(now) || now?.undo ? undefined : null));
  }

  async #sendUndo({ key, ...turn }) {
    // Read again: its answer may have been acknowledged since.
    const { reopened, reason } = await this.send.undo(turn);
    await this.#change([key], (now) => now && { ...now, undo: null, undone: true, reopened: reopened?.id ?? null });
    const dropped = reopened ? null : await this.#dropAgain(turn);
    this.#happened("undone", { turn: { key, ...turn }, reopened, reason, dropped });
  }

  async #afterProblem({ turn, undo }, problem) {
    // Logged in again elsewhere? Then go on; but a refusal that outlives that is one.
    if (problem.sessionEnded && !this.renewed && (await this.send.renew())) {
      this.renewed = true;
      return 0;
    }
    if (problem.sessionEnded || problem.passes) {
      this.on.held(problem);
      if (problem.sessionEnded) return null;
      const growing = Math.min(LONGEST_PAUSE, 500 * 2 ** this.failures++);
      return Math.max(problem.retryAfter * 1000, growing * (0.75 + Math.random() / 2));
    }
    this.failures = 0;
    let was = turn;
    await this.#change([turn.key], (now) => {
      was = now ?? turn;
      return undo ? now && { ...now, undo: null } : null;
    });
    const dropped = was.undo ? await this.#dropAgain(was) : null;
    this.#happened(undo ? "kept" : "refused", { turn: was, dropped, message: problem.message });
    return 0;
  }

  /** What was answered again in the hope that the undo would succeed. */
  async #dropAgain(turn) {
    let dropped = null;
    await this.#change([keyAgain(turn)], (now) => {
      if (!waits(now)) return undefined;
      dropped = now;
      return null;
    });
    return dropped;
  }

  /** The ms since it was given: by the clock, and should that have been set back, by this page's own. */
  #age({ key, given }) {
    const here = this.givenAt.has(key) ? performance.now() - this.givenAt.get(key) : 0;
    return Math.max(0, here, Date.now() - given);
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #alone(task) {
    // Browsers have locks on secure origins alone; without them the server still keeps each answer once.
    return navigator.locks ? navigator.locks.request(this.name, task) : Promise.resolve().then(task);
  }

  async #look() {
    let turns, changes;
    do {
      changes = this.changes;
      turns = await this.#stored((store) => store.all());
    } while (changes !== this.changes);
    this.seen = new Map(turns.map((turn) => [turn.key, turn]));
    this.on.changed();
  }

  async #change(keys, task) {
    const turns = await this.#stored((store) => store.change(keys, task));
    this.#note(keys, turns);
    return turns;
  }

  /** What the task gives; should the store be full or gone, then from the memory of this page. */
  async #stored(task) {
    try {
      return await task(this.store);
    } catch {
      this.store = inMemory(this.turns);
      this.on.forgetful();
      return task(this.store);
    }
  }

  #note(keys, turns) {
    this.changes += 1;
    keys.forEach((key, at) => {
      if (turns[at]) this.seen.set(key, turns[at]);
      else if (turns[at] === null) this.seen.delete(key);
    });
    this.on.changed();
  }

  #happened(change, facts) {
    this.#tell(change, facts);
    this.on.happened(change, facts, true);
  }

  #tell(change, facts) {
    this.channel.postMessage({ change, facts });
  }

  #hear({ change, facts }) {
    this.on.happened(change, facts, false);
    // Messages of several tabs may come in any order; the store knows.
    this.#look();
  }
}
