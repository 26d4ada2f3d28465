// Many files into a project, a few at a time. Each is asked for by its digest first, so that what is there
// is not sent again, and sent again when the network fails; so a stopped upload is simply done anew.

import { Problem } from "./api.js";
import { gettext } from "./i18n.js";

const AT_ONCE = 3;
const PATIENCE = 300_000; // ms for one file
const PAUSE = { first: 1000, growth: 2, longest: 30_000, tries: 6 }; // ms

export class Upload {
  /** call: as `apiWith` gives it. changed(this): after each file. */
  constructor(call, csrfToken, { api, mostBytes }, changed) {
    Object.assign(this, { call, csrfToken, api, mostBytes, changed });
    this.fresh();
  }

  fresh() {
    this.waiting = [];
    this.refused = []; // {file, name, reason, passes}
    this.added = this.known = this.bytes = this.bytesDone = this.files = this.busy = 0;
    this.ended = ""; // why nothing more is sent
  }

  get done() {
    return this.added + this.known + this.refused.length;
  }

  get share() {
    return this.files ? (this.bytesDone + this.done) / (this.bytes + this.files) : 0;
  }

  get running() {
    return this.busy > 0 || (this.waiting.length > 0 && !this.ended);
  }

  /** entries: {file, name}; described: prompt and model, as they are when the files come. */
  add(entries, described) {
    if (!this.running) this.fresh();
    for (const { file, name } of entries) {
      this.waiting.push({ file, name, described });
      this.files += 1;
      this.bytes += file.size;
    }
    this.go();
  }

  stop(why) {
    this.ended = why;
    this.files -= this.waiting.length;
    for (const { file } of this.waiting) this.bytes -= file.size;
    this.waiting = [];
    this.changed(this);
  }

  /** Those that the network or the server's state was in the way of. */
  again() {
    const entries = this.refused.filter((entry) => entry.passes);
    this.refused = this.refused.filter((entry) => !entry.passes);
    for (const { file } of entries) this.bytesDone -= file.size;
    this.waiting.push(...entries);
    this.ended = "";
    this.go();
  }

  go() {
    while (this.busy < AT_ONCE && this.waiting.length && !this.ended) {
      this.busy += 1;
      this.one(this.waiting.shift()).finally(() => {
        this.busy -= 1;
        this.go();
      });
    }
    this.changed(this);
  }

  async one(entry) {
    try {
      if (entry.file.size > this.mostBytes) {
        const most = Math.floor(this.mostBytes / 2 ** 20);
        throw new Problem(413, gettext("The file is larger than %(most)s MB, the most an image may have.", { most }));
      }
      if ((await this.isThere(entry)) || !(await this.send(entry))) this.known += 1;
      else this.added += 1;
    } catch (problem) {
      if (problem.sessionEnded) this.stop(gettext("You are logged out, or manage this project no more. Log in and add the same files again."));
      const { passes = false } = problem;
      this.refused.push({ ...entry, passes: passes || problem.sessionEnded, reason: problem.message });
    }
    this.bytesDone += entry.file.size;
  }

  /** Browsers give digests to pages from https or from the own machine alone; elsewhere the file is sent. */
  async isThere({ file, name }) {
    if (!globalThis.crypto?.subtle || !file.size) return false;
    const sha256 = hex(await crypto.subtle.digest("SHA-256", await read(file)));
    const found = await this.patiently("GET", `${this.api}?sha256=${sha256}`);
    return found.results.some((image) => image.name === name);
  }

  /** Whether it is new to the project. */
  async send({ file, name, described }) {
    await read(file.slice(0, 1));
    const form = new FormData();
    form.append("file", file);
    form.append("name", name);
    for (const [field, value] of Object.entries(described)) form.append(field, value);
    let status;
    await this.patiently("POST", this.api, form, (response) => (status = response.status));
    return status === 201;
  }

  async patiently(method, url, form, answered) {
    let pause = PAUSE.first;
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.call(method, url, undefined, {
          headers: { Accept: "application/json", "X-CSRFToken": this.csrfToken },
          body: form,
          answered,
          signal: AbortSignal.timeout(PATIENCE),
        });
      } catch (problem) {
        if (!problem.passes || tries >= PAUSE.tries || this.ended) throw problem;
        await new Promise((resolve) => setTimeout(resolve, Math.max(pause, 1000 * problem.retryAfter)));
        pause = Math.min(pause * PAUSE.growth, PAUSE.longest);
      }
    }
  }
}

async function read(file) {
  try {
    return await file.arrayBuffer();
  } catch {
    throw new Problem(400, gettext("The browser cannot read this file: it was changed, moved or deleted, or is a folder."));
  }
}

function hex(buffer) {
  return [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
