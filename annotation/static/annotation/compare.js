// The compare page: what is shown, and what keys and buttons do.

import { Ahead } from "./ahead.js";
import { Causes, Details, chosenSentence } from "./details.js";
import { gettext, ngettext } from "./i18n.js";
import { Keys, isElsewhere } from "./keys.js";
import { Lineup } from "./lineup.js";
import { isThere } from "./pictures.js";
import { Queue } from "./queue.js";
import { Server } from "./server.js";
import { Session } from "./session.js";
import { Status, afterPaint } from "./status.js";
import { Gestures, isStacked } from "./touch.js";
import { Tools } from "./tools.js";
import { keyAgain, keyOf, shownAgain, uncounted, waits } from "./turns.js";
import { View } from "./view.js";

// What keys may mean on this page, the nearer first.
const PAIR = ["left", "right", "tie", "both_bad", "skip"];
const SEVERAL = ["pick", "take_back", "skip"];
const CAUSES = ["broken", "unsafe", "unknown"];
const AMISS = ["broken", "unsafe"]; // after which no more is asked about the two images
const SAID = {
  left: gettext("Left"), right: gettext("Right"), tie: gettext("Tie"), both_bad: gettext("Both bad"),
  skip: gettext("Skipped"), ordered: gettext("Done"),
};
const POLL = { first: 2000, growth: 1.5, longest: 20_000 }; // ms, while there is nothing to compare

const $ = (id) => document.getElementById(id);
const facts = JSON.parse($("facts").textContent);
const server = new Server(facts, document.querySelector("meta[name=csrf-token]").content);
const buttons = [...document.querySelectorAll("[data-outcome]")];

let shown = null; // what is on the screen
let asBroken = false; // as it was painted
let paintedAt = 0;
let undoing = false;
let poll = null;
let pause = POLL.first;

const status = new Status(facts, () => session.secondsEach);
const session = new Session(facts, { waiting: () => queue.waiting, resumed: goOn });
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
const queue = new Queue(facts.queue, server, {
  changed: showWaiting,
  happened: follow,
  held: (problem) => status.held(problem),
  forgetful: () => status.say(gettext("This browser keeps nothing: leave this page open until all is sent.")),
});
const ahead = new Ahead((count) => server.open(count), isAnswered, () => show());

function showWaiting() {
  status.waits(queue.waiting);
  $("compare").dataset.waiting = queue.waiting; // at once; what people see of it follows the next pair
  if ($("summary").open) session.showWaiting();
}

function isAnswered(assignment) {
  const pair = pairOf(assignment);
  const amiss = ({ said, assignment: other }) => AMISS.includes(said.cause) && pair && pairOf(other) === pair;
  return queue.has(keyOf(assignment)) || queue.turns.some((turn) => waits(turn) && amiss(turn));
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
  const said = { duration_ms: lookedFor(), outcome, ...more };
  ahead.drop(assignment, AMISS.includes(said.cause));
  show();
  queue.add(assignment, said);
  status.count(outcome, 1);
  afterPaint(() => {
    status.tidy();
    status.announce(`${SAID[outcome]}.`);
    session.voted(outcome, said.duration_ms);
    if (ahead.short) refill();
  });
}

/** The last thing chosen of several images, if there is one; else the last answer. */
async function undo() {
  if (details.isOpen) return details.back();
  if (causes.isOpen) return causes.back();
  if (undoing || lineup.takeBack()) return;
  if (facts.undo_steps === 0) return status.say(gettext("In this project answers cannot be undone."));
  undoing = true;
  try {
    await undoLast();
  } catch (problem) {
    if (problem.passes) status.say(gettext("Without the server, nothing more can be undone. Try again soon."));
    else status.held(problem);
  } finally {
    undoing = false;
    show();
  }
}

async function undoLast() {
  const steps = facts.undo_steps ?? Infinity;
  let last = await queue.undo(steps);
  if (!last) {
    await learn();
    last = await queue.undo(steps);
  }
  if (!last) return status.say(gettext("There is nothing to undo."));
  if (last.beyond) {
    return status.say(
      ngettext(
        "In this project only the last answer can be undone.",
        "In this project only the last %(count)s answers can be undone.",
        steps,
      ),
    );
  }
  const { outcome } = last.turn.said;
  ahead.putFirst(last.shown);
  status.count(outcome, -1);
  session.voided(outcome, true);
  status.tidy(0);
  status.announce(gettext("Undone. It is here again."));
}

/** What was answered before this page and elsewhere, so that it can be undone from here. */
async function learn() {
  await queue.learn(await server.history());
}

// --- What comes next ---

async function refill() {
  clearTimeout(poll);
  try {
    await ahead.refill(queue.waiting);
    if (!queue.waiting) status.goesOn();
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
  const wanted = next && (next.ready || next.broken) ? next : null;
  // Pictures that came after all take the place of the note.
  if (wanted !== shown || (shown?.broken ?? false) !== asBroken) {
    shown = wanted;
    asBroken = shown?.broken ?? false;
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
  if (isThere(image)) return image;
  const note = document.createElement("span");
  note.className = "broken";
  note.textContent = gettext("This image cannot be shown.");
  return note;
}

function showStage(next) {
  $("compare").setAttribute("aria-busy", String(!shown && (Boolean(next) || Boolean(ahead.asking))));
  $("instead").hidden = Boolean(shown);
  if (shown?.broken) status.say(gettext("A picture cannot be shown here. Wait a moment, or skip."), "picture");
  else if (status.kind === "picture") status.say("");
  if (shown) return session.goesOn();
  view.clear();
  lineup.clear();
  const over = !next && ahead.reason;
  $("instead-text").textContent = over || (queue.waiting ? gettext("Waiting for the server …") : gettext("Loading …"));
  $("instead-links").hidden = !over;
  if (over) session.over(over);
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

/** What became of an answer or an undo, here or in another tab of this person: see Queue. */
function follow(change, { turn, shown: again, dropped, reopened, reason, message }, here) {
  const { outcome } = turn.said;
  if (dropped) takeOff(dropped, here);
  if (change === "answered") {
    if (!ahead.answered.has(turn.key)) status.count(outcome, 1);
    ahead.drop(turn.assignment, AMISS.includes(turn.said.cause));
  } else if (change === "withdrawn") {
    status.count(outcome, -1);
    ahead.putFirst(again);
  } else if (change === "sent") {
    status.goesOn();
  } else if (change === "undone") {
    status.goesOn();
    ahead.settle(keyAgain(turn), reopened);
    if (!reopened && here) status.say(sentences(gettext("Undone."), reason, dropped && notTaken()));
  } else {
    // "refused" or "kept": an answer is not in the log, or still is.
    ahead.settle(keyAgain(turn), null);
    if (change === "kept") status.count(outcome, 1);
    else if (!turn.undo) takeOff(turn, here);
    const first = change === "kept" ? gettext("It could not be undone.") : gettext("An answer was not recorded.");
    if (here) status.say(sentences(first, message, change === "kept" && dropped && notTaken()));
  }
  show();
  // The server has taken off whatever else it had about images that are amiss.
  const fewer = change === "refused" || (change === "sent" && AMISS.includes(turn.said.cause));
  if (change !== "answered" && (ahead.short || fewer)) refill();
}

function takeOff({ said: { outcome } }, here) {
  status.count(outcome, -1);
  if (here) session.voided(outcome, false);
}

function notTaken() {
  return gettext("Your new answer was not taken.");
}

function sentences(...all) {
  return all.filter(Boolean).join(" ");
}

/** The same for two images however they stand; nothing for more. */
function pairOf({ left, right }) {
  return left && [left.id, right.id].sort().join();
}

/** After a break, or with another tab: the reservations are renewed, and time begins anew. */
function goOn() {
  paintedAt = performance.now();
  refill();
}

async function comeBack() {
  if (document.hidden) return;
  if (status.isLoggedOut) {
    if (!(await server.renew())) return;
    status.goesOn();
    queue.retryNow();
  }
  refill();
}

addEventListener("visibilitychange", comeBack);

addEventListener("beforeunload", (event) => {
  if (queue.endangered) event.preventDefault();
});

$("undo").hidden = facts.undo_steps === 0;
await queue.open();
for (const { turn, step } of uncounted(queue.turns, facts.counted)) status.count(turn.said.outcome, step);
for (const assignment of shownAgain(queue.turns)) ahead.putFirst(assignment);
status.show();
show();
queue.flush();
await refill();
learn().catch(() => {}); // it is asked again when it is needed
