// The compare page: what is shown, and what keys and buttons do.

import { apiWith } from "./api.js";
import { Pairs } from "./pairs.js";
import { Queue } from "./queue.js";

const KEYS = {
  ArrowLeft: "left", 1: "left", ArrowRight: "right", 2: "right",
  ArrowDown: "tie", 3: "tie", ArrowUp: "both_bad", 4: "both_bad", s: "skip",
};
const SAID = { left: "Left", right: "Right", tie: "Tie", both_bad: "Both bad", skip: "Skipped" };
const POLL = { first: 2000, growth: 1.5, longest: 20_000 }; // ms, while there is nothing to compare

const $ = (id) => document.getElementById(id);
const facts = JSON.parse($("facts").textContent);
const call = apiWith(document.querySelector("meta[name=csrf-token]").content);
const buttons = [...document.querySelectorAll("[data-outcome]")];
const numbers = new Intl.NumberFormat(document.documentElement.lang);

let shown = null; // the pair on the screen
let paintedAt = 0;
let undoing = false;
let poll = null;
let pause = POLL.first;
let { judged, remaining } = facts;

const queue = new Queue(facts.queue, send, {
  change: showState,
  sent: () => {
    say("");
    $("login").hidden = true;
    if (pairs.short) refill();
  },
  refused: (entry, problem) => {
    count(entry.outcome, -1);
    say(`An answer was not recorded. ${problem.message}`);
    refill();
  },
  held,
  elsewhere: follow,
});
const pairs = new Pairs(
  (wanted) => call("POST", facts.assignments, { count: wanted }),
  (id) => queue.has(id),
);

function send({ assignment, outcome, duration_ms }) {
  // keepalive: what is on its way when the page is closed still arrives.
  const answer = { assignment: assignment.id, outcome, duration_ms };
  return call("POST", facts.comparisons, answer, { keepalive: true });
}

// --- Answering ---

function answer(outcome) {
  if (!shown || undoing || shown !== pairs.current) return;
  if (outcome === "tie" && !facts.allow_tie) return;
  if (shown.broken && outcome !== "skip") return;
  const { assignment } = shown;
  queue.add(assignment, outcome, Math.round(performance.now() - paintedAt));
  pairs.drop(assignment.id);
  show();
  count(outcome, 1);
  announce(`${SAID[outcome]}.`);
  if (!pairs.current) refill();
}

function count(outcome, step) {
  if (outcome !== "skip") judged = Math.max(0, judged + step);
  remaining = Math.max(0, remaining - step);
  showState();
}

async function undo() {
  if (undoing) return;
  undoing = true;
  try {
    const unsent = await queue.takeBack();
    if (unsent) {
      pairs.putFirst(unsent.assignment);
      count(unsent.outcome, -1);
      announce("Undone. The pair is here again.");
    } else {
      await undoSent();
    }
  } catch (problem) {
    if (problem.passes) say("The last answer cannot be undone without the server. Try again soon.");
    else held(problem);
  } finally {
    undoing = false;
    show();
  }
}

/** What may have arrived is undone there, once it surely has; the pair comes back as a new assignment. */
async function undoSent() {
  const waited = performance.now() + 3000;
  queue.retryNow();
  while (queue.entries.length) {
    if (performance.now() > waited) {
      return say("The last answer is on its way; it can be undone once it has arrived.");
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { results } = await call("GET", `${facts.history}?page_size=1`);
  if (!results.length) return say("There is nothing to undo.");
  await call("DELETE", `${facts.comparisons}${results[0].id}/`);
  count(results[0].outcome, -1);
  await pairs.refill({ undone: true });
  say("");
  announce("Undone. The pair is here again.");
}

// --- Pairs ahead ---

async function refill() {
  clearTimeout(poll);
  try {
    await pairs.refill({ waiting: queue.entries.length });
    if ($("notice").dataset.kind === "held" && !queue.entries.length) say("");
  } catch (problem) {
    held(problem);
    if (problem.passes) later(refill, Math.max(problem.retryAfter * 1000, pause));
    else if (!problem.sessionEnded) pairs.reason = problem.message;
    return show();
  }
  show();
  // Nothing to compare now may be something soon; nobody needs to load the page again for it.
  if (!pairs.list.length) later(refill, pause);
  else pause = POLL.first;
}

function later(task, ms) {
  clearTimeout(poll);
  poll = setTimeout(() => (document.hidden ? later(task, ms) : task()), ms);
  pause = Math.min(POLL.longest, pause * POLL.growth);
}

// --- Showing ---

function show() {
  const pair = pairs.current;
  if (pair && !pair.ready && !pair.broken) pair.loaded.then(show);
  const wanted = pair && (pair.ready || pair.broken) ? pair : null;
  if (wanted !== shown) {
    shown = wanted;
    if (shown) paint(shown);
  }
  showStage(pair);
  showButtons();
}

function paint({ assignment, left, right, broken }) {
  $("question").textContent = assignment.question;
  $("prompt").textContent = assignment.prompt;
  $("prompt").hidden = !assignment.prompt;
  // The decoded elements themselves: another element with the same address would be decoded again.
  $("left").replaceChildren(broken ? missing(left) : left);
  $("right").replaceChildren(broken ? missing(right) : right);
  paintedAt = performance.now();
  requestAnimationFrame(() => requestAnimationFrame(() => (paintedAt = performance.now())));
}

function missing(image) {
  if (image.complete && image.naturalWidth) return image;
  const note = document.createElement("span");
  note.className = "broken";
  note.textContent = "This image cannot be shown.";
  return note;
}

function showStage(pair) {
  $("compare").setAttribute("aria-busy", String(!shown && (Boolean(pair) || Boolean(pairs.asking))));
  $("instead").hidden = Boolean(shown);
  if (shown) {
    if (shown.broken) say("A picture of this pair cannot be shown. Skip the pair, or load the page again.");
    return;
  }
  $("left").replaceChildren();
  $("right").replaceChildren();
  const over = !pair && pairs.reason;
  $("instead-text").textContent = over || (queue.entries.length ? "Waiting for the server …" : "Loading …");
  $("instead-links").hidden = !over;
}

function showButtons() {
  for (const button of buttons) {
    button.disabled = !shown || (shown.broken && button.dataset.outcome !== "skip");
  }
}

function showState() {
  $("progress").textContent = `${numbers.format(judged)} judged · about ${numbers.format(remaining)} left`;
  $("meter").max = judged + remaining || 1;
  $("meter").value = judged;
  const waiting = queue.entries.length;
  $("waiting").hidden = !waiting;
  $("waiting").textContent = `${waiting} waiting`;
}

function held(problem) {
  if (problem.sessionEnded) {
    const kept = queue.entries.length ? " Your answers are kept in this browser." : "";
    say(`You are not logged in any more.${kept}`, "held");
    $("login").hidden = false;
  } else if (problem.passes) {
    const kept = queue.entries.length ? " Your answers are kept, and sent when it is back." : "";
    say(`${problem.status ? "The server is busy." : "The server cannot be reached."}${kept}`, "held");
  } else {
    say(problem.message);
  }
}

function say(text, kind = "") {
  $("notice").dataset.kind = kind;
  if ($("notice").textContent !== text) $("notice").textContent = text;
}

function announce(text) {
  $("announcer").textContent = text;
}

// --- Keys, clicks, other tabs ---

for (const button of buttons) {
  button.addEventListener("click", (event) => {
    // The second click of a double click was meant for the pair that is gone.
    if (event.detail < 2) answer(button.dataset.outcome);
  });
}
$("undo").addEventListener("click", undo);

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || event.isComposing) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const outcome = KEYS[key];
  if (!outcome && key !== "u") return;
  event.preventDefault();
  if (event.repeat) return;
  if (outcome) answer(outcome);
  else undo();
});

/** Another tab of this person has answered a pair, has taken an answer back, or has got rid of one. */
function follow(change, { assignment, outcome }) {
  const { id } = assignment;
  if (change === "added" && !pairs.answered.has(id)) {
    pairs.drop(id);
    count(outcome, 1);
  } else if (change === "taken back" && pairs.answered.delete(id)) {
    count(outcome, -1);
  } else if (change === "refused" && pairs.answered.has(id)) {
    count(outcome, -1);
  }
  show();
  if (change !== "added" && pairs.short) refill();
}

addEventListener("visibilitychange", () => {
  // Whoever comes back after a while finds the reservation of their pair renewed.
  if (!document.hidden) refill();
});

await queue.open();
for (const entry of queue.entries) {
  pairs.answered.add(entry.assignment.id);
  count(entry.outcome, 1);
}
showState();
show();
queue.flush();
refill();
