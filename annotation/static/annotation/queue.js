// Answers wait here until the server has acknowledged them.
//
// Each answer is one entry of the browser's storage, under the key of its assignment: written before it is
// sent, removed when it is acknowledged, so that neither a reload nor a second tab loses one or overwrites
// another. Sending an answer again is harmless: the server keeps one comparison an assignment.

const LONGEST_PAUSE = 30_000; // ms

export class Queue {
  /**
   * prefix: of this person's and project's keys. send(entry): a promise; it throws a Problem.
   * on.change(): entries came or went, here or in another tab. on.sent(entry): acknowledged.
   * on.refused(entry, problem): will never be taken, and is dropped. on.held(problem): kept, and why.
   */
  constructor(prefix, send, on) {
    this.prefix = prefix;
    this.send = send;
    this.on = on;
    this.storage = usableStorage();
    this.flushing = false;
    this.failures = 0;
    this.wake = () => {};
    addEventListener("online", () => this.retryNow());
  }

  /** Oldest first: {assignment, outcome, duration_ms, order, tried}. */
  get entries() {
    return Object.keys(this.storage)
      .filter((key) => key.startsWith(this.prefix))
      .map((key) => JSON.parse(this.storage.getItem(key) ?? "null"))
      .filter(Boolean)
      .sort((a, b) => a.order - b.order);
  }

  has(assignmentId) {
    return this.storage.getItem(this.prefix + assignmentId) !== null;
  }

  add(assignment, outcome, duration_ms) {
    const last = this.entries.at(-1)?.order ?? 0;
    this.#write({ assignment, outcome, duration_ms, order: Math.max(Date.now(), last + 1), tried: false });
    this.on.change();
    this.flush();
  }

  /** The latest answer, taken out of the queue, if it surely has not been sent; else null. */
  takeBack() {
    return this.#alone(() => {
      const entry = this.entries.at(-1);
      if (!entry || entry.tried) return null;
      this.#drop(entry);
      return entry;
    });
  }

  /** Send what waits, one after another, with growing pauses while it fails. */
  async flush() {
    if (this.flushing) return;
    this.flushing = true;
    try {
      let pause = 0;
      while (pause !== null && this.entries.length) {
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
    const entry = this.entries[0];
    if (!entry) return 0;
    // From here on it may have arrived, whatever we hear.
    this.#write({ ...entry, tried: true });
    try {
      await this.send(entry);
    } catch (problem) {
      return this.#afterProblem(entry, problem);
    }
    this.failures = 0;
    this.#drop(entry);
    this.on.sent(entry);
    return 0;
  }

  #afterProblem(entry, problem) {
    if (problem.sessionEnded || problem.passes) {
      this.on.held(problem);
      if (problem.sessionEnded) return null;
      const growing = Math.min(LONGEST_PAUSE, 500 * 2 ** this.failures++);
      return Math.max(problem.retryAfter * 1000, growing * (0.75 + Math.random() / 2));
    }
    this.failures = 0;
    this.#drop(entry);
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
    return navigator.locks ? navigator.locks.request(this.prefix, task) : Promise.resolve().then(task);
  }

  #write(entry) {
    const key = this.prefix + entry.assignment.id;
    try {
      this.storage.setItem(key, JSON.stringify(entry));
    } catch {
      // The browser's storage is full: the memory of this page must do.
      const kept = this.entries;
      this.storage = inMemory();
      for (const one of [...kept, entry]) this.storage.setItem(this.prefix + one.assignment.id, JSON.stringify(one));
    }
  }

  #drop(entry) {
    this.storage.removeItem(this.prefix + entry.assignment.id);
    this.on.change();
  }
}

function usableStorage() {
  try {
    localStorage.setItem("pairwright", "");
    localStorage.removeItem("pairwright");
    return localStorage;
  } catch {
    return inMemory();
  }
}

function inMemory() {
  const values = {};
  const hidden = { enumerable: false };
  return Object.defineProperties(values, {
    getItem: { ...hidden, value: (key) => (Object.hasOwn(values, key) ? values[key] : null) },
    setItem: { ...hidden, value: (key, value) => (values[key] = value) },
    removeItem: { ...hidden, value: (key) => delete values[key] },
  });
}
