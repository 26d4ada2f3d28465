// Turns: one for each assignment that was answered here, and what became of it. Pure functions of them.
//
// A turn is {key, assignment, said, given, order, tried, comparison, made, undo, undone, reopened}:
// said        outcome, levels, duration and what else was answered, at `given` by this browser's clock
// order       its place in the sequence of answers and undos, which no clock knows
// tried       it may have been sent; until then it can be taken out as if it had never been given
// comparison  its id in the server's log once it is acknowledged, and when it was `made` by the server's clock
// undo        the order of an undo that waits to be sent
// undone      it counts no more; `reopened` is the id of the assignment that the server gave instead, if any

const KEPT = 200; // acknowledged turns, so that they can be undone without the server

/** What was undone comes back as another assignment; before the server has said which, it has its key. */
export function keyOf({ id, replaces }) {
  return replaces ? againOf(replaces) : id;
}

function againOf(id) {
  return `again ${id}`;
}

/** The key of what is shown again once this turn is undone. */
export function keyAgain({ assignment }) {
  return againOf(assignment.id);
}

/** The assignment as it is shown again, before the server knows that it was undone. */
export function pendingAgain(assignment) {
  return { ...assignment, id: againOf(assignment.id), replaces: assignment.id, pending: true };
}

/** The same with the server's id, if it has given one meanwhile. */
export function settled(assignment, turns) {
  if (!assignment.pending) return assignment;
  const { reopened } = turns.find((turn) => turn.assignment.id === assignment.replaces) ?? {};
  return reopened ? { ...assignment, id: reopened, pending: false } : assignment;
}

/** Answered, and on its way or there; not what was taken out again. */
export function counts(turn) {
  return Boolean(turn && (turn.comparison || !turn.undone));
}

export function waits(turn) {
  return Boolean(turn && !turn.comparison && !turn.undone);
}

/** What is to be sent, in its order: {turn, undo: whether it is its undo}. */
export function tasksOf(turns) {
  const answers = turns.filter(waits).map((turn) => ({ turn, undo: false, order: turn.order }));
  const undos = turns.filter((turn) => turn.undo).map((turn) => ({ turn, undo: true, order: turn.undo }));
  return [...answers, ...undos].sort((a, b) => a.order - b.order);
}

export function nextOrder(turns) {
  return 1 + turns.reduce((last, { order, undo }) => Math.max(last, order, undo ?? 0), 0);
}

/** The log's order: what is there by the server's clock, then what is not there yet. */
function inOrder(a, b) {
  if (Boolean(a.comparison) !== Boolean(b.comparison)) return a.comparison ? -1 : 1;
  return (a.comparison ? a.made - b.made : 0) || a.order - b.order;
}

/** The last turn that can be undone, if there is one. */
export function lastStanding(turns) {
  return turns.filter((turn) => !turn.undone && !turn.undo).sort(inOrder).at(-1);
}

/** How many came after it, undone ones too. */
export function laterThan(turn, turns) {
  return turns.filter((other) => inOrder(other, turn) > 0).length;
}

/** What is shown again and not answered again yet, the last to be shown first, while its undo waits. */
export function shownAgain(turns) {
  const byKey = new Map(turns.map((turn) => [turn.key, turn]));
  const undone = turns.filter((turn) => turn.undo && !counts(byKey.get(keyAgain(turn))));
  return undone.sort((a, b) => a.undo - b.undo).map(({ assignment }) => pendingAgain(assignment));
}

/**
 * By how much the number of the judged is out: {turn, step: 1 or −1}. What waits may have arrived all the same,
 * and what is acknowledged may not have been there yet, when the server made a page of which it says what is
 * `counted`: the ids of the last assignments that are answered.
 */
export function uncounted(turns, counted) {
  const there = new Set(counted);
  const latest = Math.max(0, ...turns.filter((turn) => there.has(turn.assignment.id)).map(({ made }) => made ?? 0));
  return turns
    .map((turn) => ({ turn, step: Number(!turn.undone && !turn.undo) - Number(there.has(turn.assignment.id)) }))
    .filter(({ turn, step }) => step < 0 || (step > 0 && (!turn.comparison || turn.made > latest)));
}

/** What the server's history (the latest first) says beyond these turns: those missing, those gone. */
export function newsIn(rows, turns) {
  const mine = new Set(turns.map((turn) => turn.assignment.id));
  const theirs = new Set(rows.map((row) => row.assignment));
  const times = rows.map((row) => Date.parse(row.created_at));
  return {
    missing: rows.filter((row) => !mine.has(row.assignment)).map(turnOf),
    // Undone from another device, or by a manager: within the time that these rows tell of, and not there.
    gone: turns.filter(
      ({ comparison, made, assignment }) =>
        comparison && made > times.at(-1) && made <= times[0] && !theirs.has(assignment.id),
    ),
  };
}

function turnOf(row) {
  const { assignment: id, criterion, question, prompt, screen, left, right, images, reference, outcome } = row;
  return {
    key: id,
    assignment: { id, criterion, question, prompt, screen, left, right, images, reference, replaces: null },
    said: { outcome },
    order: 0,
    tried: true,
    comparison: row.id,
    made: Date.parse(row.created_at),
  };
}

/** What need not be kept, now that this turn is acknowledged. */
export function forgettable(acknowledged, turns) {
  const old = turns.filter((turn) => turn.comparison && !turn.undo).sort(inOrder).slice(0, -KEPT);
  const takenOut = turns.filter((turn) => turn.undone && !turn.comparison && turn.order < acknowledged.order);
  return [...old, ...takenOut];
}
