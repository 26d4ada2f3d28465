// Answers wait here until the server has acknowledged them.
//
// Each answer is one entry of the browser's store, under its assignment: written before it is sent, removed
// when it is acknowledged, so that neither a reload nor a second tab loses one or sends it again. `entries`
// is this page's view of the store, for showing; what is sent is read from the store itself. Should an
// answer be sent twice all the same (its acknowledgement was lost), the server keeps one comparison.

import { inMemory, openStore } from "./store.js";

const LONGEST_PAUSE = 30_000; // ms

export class Queue {
  /**
   * name: of this person's and project's queue. send(entry): a promise; it throws a Problem.
   * on.sent(entry): acknowledged. on.refused(entry, problem): will never be taken, and is dropped.
   * on.held(problem): kept, and why. on.change(): entries came or went, here or in another tab, of which
   * on.elsewhere(change, entry) tells: "added", "taken back", "sent" or "refused".
   */
  constructor(name, send, on) {
    this.name = name;
    this.send = send;
    this.on = on;
    this.seen = new Map();
    this.changes = 0;
    this.flushing = false;
    this.failures = 0;
    this.wake = () => {};
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = ({ data }) => this.#hear(data);
    addEventListener("online", () => this.retryNow());
  }

  /** Find what an earlier page has left; before anything else. */
  async open() {
    this.store = await openStore(this.name);
    await this.#look();
  }

  /** Oldest first: {assignment, outcome, levels, duration_ms, order, tried}. */
  get entries() {
    return [...this.seen.values()].sort((a, b) => a.order - b.order);
  }

  has(assignmentId) {
    return this.seen.has(assignmentId);
  }

  /** answer: {outcome, levels, duration_ms}, the levels of several images alone. */
  async add(assignment, answer) {
    const last = this.entries.at(-1)?.order ?? 0;
    const entry = { ...answer, assignment, order: Math.max(Date.now(), last + 1), tried: false };
    this.#note("added", entry);
    await this.#put(entry);
    this.#tell("added", entry);
    this.flush();
  }

  /** The latest answer, taken out of the queue, if it surely has not been sent; else null. */
  takeBack() {
    return this.#alone(async () => {
      await this.#look();
      const entry = this.entries.at(-1);
      if (!entry || entry.tried) return null;
      await this.#drop("taken back", entry);
      return entry;
    });
  }

  /** Send what waits, one after another, with growing pauses while it fails. */
  async flush() {
    if (this.flushing) return;
    this.flushing = true;
    try {
      let pause = 0;
      while (pause !== null && this.seen.size) {
        if (pause) await this.#pause(pause);
        // Held for one answer at a time: tabs take turns, and none sends what another is sending.
        pause = await this.#alone(() => this.#sendOldest());
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
  async #sendOldest() {
    await this.#look();
    const entry = this.entries[0];
    if (!entry) return 0;
    // From here on it may have arrived, whatever we hear.
    await this.#put({ ...entry, tried: true });
    try {
      await this.send(entry);
    } catch (problem) {
      return this.#afterProblem(entry, problem);
    }
    this.failures = 0;
    await this.#drop("sent", entry);
    this.on.sent(entry);
    return 0;
  }

  async #afterProblem(entry, problem) {
    if (problem.sessionEnded || problem.passes) {
      this.on.held(problem);
      if (problem.sessionEnded) return null;
      const growing = Math.min(LONGEST_PAUSE, 500 * 2 ** this.failures++);
      return Math.max(problem.retryAfter * 1000, growing * (0.75 + Math.random() / 2));
    }
    this.failures = 0;
    await this.#drop("refused", entry);
    this.on.refused(entry, problem);
    return 0;
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
    let entries, changes;
    do {
      changes = this.changes;
      entries = await this.#stored((store) => store.all());
    } while (changes !== this.changes);
    this.seen = new Map(entries.map((entry) => [entry.assignment.id, entry]));
    this.on.change();
  }

  #put(entry) {
    return this.#stored((store) => store.put(entry));
  }

  async #drop(change, entry) {
    await this.#stored((store) => store.remove(entry));
    this.#note(change, entry);
    this.#tell(change, entry);
  }

  /** What the task gives; should the store be full or gone, then from the memory of this page. */
  async #stored(task) {
    try {
      return await task(this.store);
    } catch {
      this.store = inMemory(this.entries);
      return task(this.store);
    }
  }

  #tell(change, entry) {
    this.channel.postMessage({ change, entry });
  }

  #hear({ change, entry }) {
    this.on.elsewhere(change, entry);
    // Messages of several tabs may come in any order; the store knows.
    this.#look();
  }

  #note(change, entry) {
    this.changes += 1;
    if (change === "added") this.seen.set(entry.assignment.id, entry);
    else this.seen.delete(entry.assignment.id);
    this.on.change();
  }
}
