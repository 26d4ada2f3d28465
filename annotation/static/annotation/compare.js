// The compare page: what is shown, and what keys and buttons do.

import { Ahead } from "./ahead.js";
import { apiWith } from "./api.js";
import { Causes, Details, chosenSentence } from "./details.js";
import { gettext } from "./i18n.js";
import { Keys, isElsewhere } from "./keys.js";
import { Lineup } from "./lineup.js";
import { Queue } from "./queue.js";
import { Status } from "./status.js";
import { Gestures, isStacked } from "./touch.js";
import { Tools } from "./tools.js";
import { View } from "./view.js";

// What keys may mean on this page, the nearer first.
const PAIR = ["left", "right", "tie", "both_bad", "skip"];
const SEVERAL = ["pick", "take_back", "skip"];
const CAUSES = ["broken", "unsafe", "unknown"];
const SAID = { left: "Left", right: "Right", tie: "Tie", both_bad: "Both bad", skip: "Skipped", ordered: "Done" };
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
const keys = new Keys(facts.keys);
const lineup = new Lineup($("lineup"), {
  done: (levels) => choose("ordered", { levels }),
  changed: showChoice,
  mark: (tile, at) => keys.mark(tile, "pick", at),
});
const tools = new Tools($("tools"), (text) => status.announce(text));
const view = new View($("stage"), { sizes: facts.sizes, changed: () => tools.show(view) });
tools.work(view);
const details = new Details($("details"), $("below"), facts, keys, {
  send: answer,
  left: (outcome) => outcome === "ordered" && lineup.takeBack(),
});
const causes = new Causes($("causes"), $("below"), (more) => answer("skip", more));
const queue = new Queue(facts.queue, send, {
  change: () => status.waits(queue.entries.length),
  sent: () => {
    status.goesOn();
    if (ahead.short) refill();
  },
  refused: (entry, problem) => {
    status.count(entry.outcome, -1);
    status.say(`An answer was not recorded. ${problem.message}`);
    refill();
  },
  held: (problem) => status.held(problem),
  elsewhere: follow,
});
const ahead = new Ahead(
  (wanted) => call("POST", facts.assignments, { count: wanted }),
  (id) => queue.has(id),
);

function send({ assignment, outcome, levels, strength, tags, reason, cause, duration_ms }) {
  // keepalive: what is on its way when the page is closed still arrives.
  const answer = { assignment: assignment.id, outcome, levels, strength, tags, reason, cause, duration_ms };
  return call("POST", facts.comparisons, answer, { keepalive: true });
}

// --- Answering ---

function mayAnswer(outcome, { levels } = {}) {
  if (!shown || undoing || shown !== ahead.current) return false;
  if (outcome !== "skip" && (shown.broken || shown.several !== Boolean(levels))) return false;
  return outcome !== "tie" || facts.allow_tie;
}

/** Answer; or first ask what the project wants to know besides, or what is in the way. */
function choose(outcome, more = {}) {
  if (!mayAnswer(outcome, more)) return;
  if (outcome === "skip") {
    details.close();
    if (causes.isOpen) causes.pick("");
    else causes.open();
  } else if (details.wanted(outcome)) {
    // The time that it took to judge, not to tell the details.
    details.open(outcome, chosenSentence(outcome, isStacked()), { ...more, duration_ms: lookedFor() });
  } else {
    answer(outcome, more);
  }
}

function lookedFor() {
  return Math.round(performance.now() - paintedAt);
}

/** more: {levels} of several images, and what else was told: strength, tags, reason, cause. */
function answer(outcome, more = {}) {
  if (!mayAnswer(outcome, more)) return;
  const { assignment } = shown;
  queue.add(assignment, { duration_ms: lookedFor(), outcome, ...more });
  ahead.drop(assignment.id);
  show();
  status.count(outcome, 1);
  status.announce(`${SAID[outcome]}.`);
  if (!ahead.current) refill();
}

/** The last thing chosen of several images, if there is one; else the last answer. */
async function undo() {
  if (details.isOpen) return details.back();
  if (causes.isOpen) return causes.back();
  if (undoing || lineup.takeBack()) return;
  undoing = true;
  try {
    const unsent = await queue.takeBack();
    if (unsent) {
      ahead.putFirst(unsent.assignment);
      status.count(unsent.outcome, -1);
      status.announce("Undone. It is here again.");
    } else {
      await undoSent();
    }
  } catch (problem) {
    if (problem.passes) status.say("The last answer cannot be undone without the server. Try again soon.");
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
      return status.say("The last answer is on its way; it can be undone once it has arrived.");
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { results } = await patiently(() => call("GET", `${facts.history}?page_size=1`));
  if (!results.length) return status.say("There is nothing to undo.");
  await patiently(() => call("DELETE", `${facts.comparisons}${results[0].id}/`));
  status.count(results[0].outcome, -1);
  await patiently(() => ahead.refill({ undone: true }));
  status.say("");
  status.announce("Undone. It is here again.");
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
    details.close();
    causes.close();
    if (shown) paint(shown);
  }
  showStage(next);
  showButtons();
}

function paint({ assignment, pictures, reference, several, broken }) {
  $("compare").dataset.screen = assignment.screen;
  $("question").textContent = assignment.question;
  $("prompt").textContent = assignment.prompt;
  $("prompt").hidden = !assignment.prompt;
  // The decoded elements themselves: another element with the same address would be decoded again.
  const images = broken ? pictures.map(missing) : pictures;
  if (!several) lineup.clear();
  const sources = several ? assignment.images : [assignment.left, assignment.right];
  const places = several
    ? lineup.show({ assignment, pictures: images, broken })
    : ["left", "right"].map((side, at) => ({ ...place(side), image: images[at] }));
  $("reference").hidden = !reference;
  view.show(
    places.map((one, at) => ({ ...one, source: broken ? null : sources[at] })),
    {
      spot: sources.map(({ id }) => id).join(),
      pair: !several,
      reference: reference && { ...place("reference"), image: reference, source: assignment.reference },
    },
  );
  paintedAt = performance.now();
  requestAnimationFrame(() => requestAnimationFrame(() => (paintedAt = performance.now())));
}

/** Where an image of a pair is seen. */
function place(id) {
  return { frame: $(id), layer: $(id).querySelector(".picture") };
}

function missing(image) {
  if (image.complete && image.naturalWidth) return image;
  const note = document.createElement("span");
  note.className = "broken";
  note.textContent = "This image cannot be shown.";
  return note;
}

function showStage(next) {
  $("compare").setAttribute("aria-busy", String(!shown && (Boolean(next) || Boolean(ahead.asking))));
  $("instead").hidden = Boolean(shown);
  if (shown) {
    if (shown.broken) status.say("A picture cannot be shown here. Skip, or load the page again.");
    return;
  }
  view.clear();
  lineup.clear();
  const over = !next && ahead.reason;
  $("instead-text").textContent = over || (queue.entries.length ? "Waiting for the server …" : "Loading …");
  $("instead-links").hidden = !over;
}

function showButtons() {
  for (const button of buttons) {
    button.disabled = !shown || (shown.broken && button.dataset.outcome !== "skip");
  }
}

function showChoice(choice, said) {
  $("task").textContent = choice.task;
  if (!choice.complete) details.close();
  if (said) status.announce(choice.complete ? said : `${said} ${choice.task}`);
}

// --- Keys, clicks, other tabs ---

for (const button of buttons) {
  button.addEventListener("click", (event) => {
    // The second click of a double click was meant for what is gone.
    if (event.detail < 2) choose(button.dataset.outcome);
  });
}
$("undo").addEventListener("click", undo);

new Gestures($("stage"), view, { choose, aim: (side) => tools.aim(side), screen: () => shown });

addEventListener("keydown", (event) => {
  if (isElsewhere(event)) return;
  const task = taskOf(event);
  if (!task) return;
  event.preventDefault();
  if (!event.repeat || task.repeats) task(event);
});

/** What a key does now, if anything. */
function taskOf(event) {
  if (details.isOpen) {
    const task = details.taskOf(keys.meant(event, ["strength", "tag"]));
    if (task) return task;
  }
  if (causes.isOpen) {
    const [cause] = keys.meant(event, CAUSES);
    if (cause) return () => causes.pick(cause);
  }
  const [action, at] = keys.meant(event, shown?.several ? SEVERAL : PAIR);
  if (action === "pick") return at < shown.pictures.length && (() => lineup.pick(at));
  if (action === "take_back") return () => lineup.takeBack();
  if (action) return () => choose(action);
  return keys.meant(event, ["undo"]).length ? undo : tools.taskOf(keys, event);
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
