// The compare page: what is shown, and what keys and buttons do.

import { Ahead } from "./ahead.js";
import { apiWith } from "./api.js";
import { gettext } from "./i18n.js";
import { Lineup } from "./lineup.js";
import { Queue } from "./queue.js";
import { Status } from "./status.js";

const KEYS = {
  ArrowLeft: "left", 1: "left", ArrowRight: "right", 2: "right",
  ArrowDown: "tie", 3: "tie", ArrowUp: "both_bad", 4: "both_bad", s: "skip",
};
const SAID = {
  left: gettext("Left"), right: gettext("Right"), tie: gettext("Tie"), both_bad: gettext("Both bad"),
  skip: gettext("Skipped"), ordered: gettext("Done"),
};
const POLL = { first: 2000, growth: 1.5, longest: 20_000 }; // ms, while there is nothing to compare

const $ = (id) => document.getElementById(id);
const facts = JSON.parse($("facts").textContent);
const call = apiWith(document.querySelector("meta[name=csrf-token]").content);
const buttons = [...document.querySelectorAll("[data-outcome]")];

let shown = null; // what is on the screen
let paintedAt = 0;
let undoing = false;
let poll = null;
let pause = POLL.first;

const status = new Status(facts);
const lineup = new Lineup($("lineup"), { done: (levels) => answer("ordered", levels), changed: showChoice });
const queue = new Queue(facts.queue, send, {
  change: () => status.waits(queue.entries.length),
  sent: () => {
    status.goesOn();
    if (ahead.short) refill();
  },
  refused: (entry, problem) => {
    status.count(entry.outcome, -1);
    status.say(gettext("An answer was not recorded. %(reason)s", { reason: problem.message }));
    refill();
  },
  held: (problem) => status.held(problem),
  elsewhere: follow,
});
const ahead = new Ahead(
  (wanted) => call("POST", facts.assignments, { count: wanted }),
  (id) => queue.has(id),
);

function send({ assignment, outcome, levels, duration_ms }) {
  // keepalive: what is on its way when the page is closed still arrives.
  const answer = { assignment: assignment.id, outcome, levels, duration_ms };
  return call("POST", facts.comparisons, answer, { keepalive: true });
}

// --- Answering ---

function answer(outcome, levels) {
  if (!shown || undoing || shown !== ahead.current) return;
  if (outcome !== "skip" && (shown.broken || shown.several !== Boolean(levels))) return;
  if (outcome === "tie" && !facts.allow_tie) return;
  const { assignment } = shown;
  queue.add(assignment, { outcome, levels, duration_ms: Math.round(performance.now() - paintedAt) });
  ahead.drop(assignment.id);
  show();
  status.count(outcome, 1);
  status.announce(`${SAID[outcome]}.`);
  if (!ahead.current) refill();
}

/** The last thing chosen of several images, if there is one; else the last answer. */
async function undo() {
  if (undoing || lineup.takeBack()) return;
  undoing = true;
  try {
    const unsent = await queue.takeBack();
    if (unsent) {
      ahead.putFirst(unsent.assignment);
      status.count(unsent.outcome, -1);
      status.announce(gettext("Undone. It is here again."));
    } else {
      await undoSent();
    }
  } catch (problem) {
    if (problem.passes) status.say(gettext("The last answer cannot be undone without the server. Try again soon."));
    else status.held(problem);
  } finally {
    undoing = false;
    show();
  }
}

/** What may have arrived is undone there, once it surely has; it comes back as a new assignment. */
async function undoSent() {
  const waited = performance.now() + 3000;
  queue.retryNow();
  while (queue.entries.length) {
    if (performance.now() > waited) {
      return status.say(gettext("The last answer is on its way; it can be undone once it has arrived."));
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { results } = await patiently(() => call("GET", `${facts.history}?page_size=1`));
  if (!results.length) return status.say(gettext("There is nothing to undo."));
  await patiently(() => call("DELETE", `${facts.comparisons}${results[0].id}/`));
  status.count(results[0].outcome, -1);
  await patiently(() => ahead.refill({ undone: true }));
  status.say("");
  status.announce(gettext("Undone. It is here again."));
}

/** Once more, and once again, what a moment's trouble has kept from being done; each of these may be repeated. */
async function patiently(task, pause = 300) {
  try {
    return await task();
  } catch (problem) {
    if (!problem.passes || pause > 1000) throw problem;
    await new Promise((resolve) => setTimeout(resolve, pause));
    return patiently(task, pause * 3);
  }
}

// --- What comes next ---

async function refill() {
  clearTimeout(poll);
  try {
    await ahead.refill({ waiting: queue.entries.length });
    if (status.isHeld && !queue.entries.length) status.say("");
  } catch (problem) {
    status.held(problem);
    if (problem.passes) later(refill, Math.max(problem.retryAfter * 1000, pause));
    else if (!problem.sessionEnded) ahead.reason = problem.message;
    return show();
  }
  show();
  // Nothing to compare now may be something soon; nobody needs to load the page again for it.
  if (!ahead.list.length) later(refill, pause);
  else pause = POLL.first;
}

function later(task, ms) {
  clearTimeout(poll);
  poll = setTimeout(() => (document.hidden ? later(task, ms) : task()), ms);
  pause = Math.min(POLL.longest, pause * POLL.growth);
}

// --- Showing ---

function show() {
  const next = ahead.current;
  if (next && !next.ready && !next.broken) next.loaded.then(show);
  const wanted = next && (next.ready || next.broken) ? next : null;
  if (wanted !== shown) {
    shown = wanted;
    if (shown) paint(shown);
  }
  showStage(next);
  showButtons();
}

function paint({ assignment, pictures, several, broken }) {
  $("compare").dataset.screen = assignment.screen;
  $("question").textContent = assignment.question;
  $("prompt").textContent = assignment.prompt;
  $("prompt").hidden = !assignment.prompt;
  // The decoded elements themselves: another element with the same address would be decoded again.
  const images = broken ? pictures.map(missing) : pictures;
  clearStage();
  if (several) lineup.show({ assignment, pictures: images, broken });
  else ["left", "right"].forEach((side, at) => $(side).replaceChildren(images[at]));
  paintedAt = performance.now();
  requestAnimationFrame(() => requestAnimationFrame(() => (paintedAt = performance.now())));
}

function missing(image) {
  if (image.complete && image.naturalWidth) return image;
  const note = document.createElement("span");
  note.className = "broken";
  note.textContent = gettext("This image cannot be shown.");
  return note;
}

function clearStage() {
  $("left").replaceChildren();
  $("right").replaceChildren();
  if (!shown?.several) lineup.clear();
}

function showStage(next) {
  $("compare").setAttribute("aria-busy", String(!shown && (Boolean(next) || Boolean(ahead.asking))));
  $("instead").hidden = Boolean(shown);
  if (shown) {
    if (shown.broken) status.say(gettext("A picture cannot be shown here. Skip, or load the page again."));
    return;
  }
  clearStage();
  const over = !next && ahead.reason;
  $("instead-text").textContent = over || (queue.entries.length ? gettext("Waiting for the server …") : gettext("Loading …"));
  $("instead-links").hidden = !over;
}

function showButtons() {
  for (const button of buttons) {
    button.disabled = !shown || (shown.broken && button.dataset.outcome !== "skip");
  }
}

function showChoice(choice, said) {
  $("task").textContent = choice.task;
  if (said) status.announce(choice.complete ? said : `${said} ${choice.task}`);
}

// --- Keys, clicks, other tabs ---

for (const button of buttons) {
  button.addEventListener("click", (event) => {
    // The second click of a double click was meant for what is gone.
    if (event.detail < 2) answer(button.dataset.outcome);
  });
}
$("undo").addEventListener("click", undo);

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || event.isComposing) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
  const task = taskOf(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (!task) return;
  event.preventDefault();
  if (!event.repeat) task();
});

/** What a key does now, if anything. */
function taskOf(key) {
  if (key === "u") return undo;
  if (key === "s" || !shown?.several) return KEYS[key] && (() => answer(KEYS[key]));
  if (key === "Backspace") return () => lineup.takeBack();
  return key >= "1" && key <= String(shown.pictures.length) && (() => lineup.pick(key - 1));
}

/** Another tab of this person has answered something, has taken an answer back, or has got rid of one. */
function follow(change, { assignment, outcome }) {
  const { id } = assignment;
  if (change === "added" && !ahead.answered.has(id)) {
    ahead.drop(id);
    status.count(outcome, 1);
  } else if (change === "taken back" && ahead.answered.delete(id)) {
    status.count(outcome, -1);
  } else if (change === "refused" && ahead.answered.has(id)) {
    status.count(outcome, -1);
  }
  show();
  if (change !== "added" && ahead.short) refill();
}

addEventListener("visibilitychange", () => {
  // Whoever comes back after a while finds the reservation of what they see renewed.
  if (!document.hidden) refill();
});

await queue.open();
for (const entry of queue.entries) {
  ahead.answered.add(entry.assignment.id);
  status.count(entry.outcome, 1);
}
status.show();
show();
queue.flush();
refill();
