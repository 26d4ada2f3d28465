// What the compare page asks of the server. Each call throws a Problem, and may be repeated.

import { apiWith } from "./api.js";

const LATE = 1000; // ms after which an answer says how long it has waited
const LONGEST_WAIT = 7 * 24 * 3_600_000; // that the API takes
const PAST = 50; // rows of the history

export class Server {
  constructor(facts, csrfToken) {
    this.facts = facts;
    this.call = apiWith(csrfToken);
  }

  /** Up to so many open assignments (or pairs, with all questions about them), or the reason for none. */
  open(count) {
    return this.call("POST", this.facts.assignments, { count });
  }

  /** age: the ms since it was given. */
  async answer({ assignment, said }, age) {
    const waited_ms = age > LATE ? Math.min(LONGEST_WAIT, Math.round(age)) : undefined;
    const send = (more) =>
      this.call(
        "POST",
        this.facts.comparisons,
        { assignment: assignment.id, ...said, waited_ms, ...more },
        // keepalive: what is on its way when the page is closed still arrives.
        { keepalive: true },
      );
    try {
      return await send({});
    } catch (problem) {
      // The project may have other tags by now; the judgement counts all the same.
      if (problem.status !== 400 || !said.tags?.length) throw problem;
      return send({ tags: [] });
    }
  }

  /** reopened: the assignment that takes the undone one's place; else there is a reason. */
  async undo({ assignment, comparison }) {
    await this.call("DELETE", `${this.facts.comparisons}${comparison}/`);
    // What was undone comes first of all that is open.
    const { results, reason } = await this.open(1);
    return { reopened: results.find(({ replaces }) => replaces === assignment.id) ?? null, reason };
  }

  /** One's own answers, the latest first. */
  async history() {
    const { results } = await patiently(() => this.call("GET", `${this.facts.history}?page_size=${PAST}`));
    return results;
  }

  /**
   * Logged in again in another tab? Then go on with the new session's token, and say so. Should somebody else
   * be logged in, this page is loaded anew as theirs; what waits stays in the first one's queue.
   */
  async renew() {
    try {
      const answer = await fetch(location.pathname, { cache: "no-store" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const facts = JSON.parse(page.getElementById("facts").textContent);
      if (facts.queue !== this.facts.queue) return void location.reload();
      this.call = apiWith(page.querySelector("meta[name=csrf-token]").content);
      return true;
    } catch {
      return false;
    }
  }
}

/** Once more, and once again, what a moment's trouble has kept from being done. */
async function patiently(task, pause = 300) {
  try {
    return await task();
  } catch (problem) {
    if (!problem.passes || pause > 1000) throw problem;
    await new Promise((resolve) => setTimeout(resolve, pause));
    return patiently(task, pause * 3);
  }
}
