// The pairs ahead: asked for, and their images decoded, before they are shown.

const AHEAD = 2; // besides the pair on the screen
const MOST = 5; // that the API gives at once

/** One assignment with its two pictures, ready to be put into the page. */
class Pair {
  constructor(assignment) {
    this.assignment = assignment;
    this.ready = false;
    this.broken = false;
    this.load();
  }

  /** Always resolves: then the pair is ready, or broken. */
  load() {
    this.broken = false;
    this.left = picture(this.assignment.left, "Left image");
    this.right = picture(this.assignment.right, "Right image");
    this.loaded = Promise.all([this.left.decode(), this.right.decode()]).then(
      () => void (this.ready = true),
      () => void (this.broken = true),
    );
    return this.loaded;
  }
}

function picture(side, alt) {
  const image = new Image(side.width, side.height);
  image.alt = alt;
  image.draggable = false;
  image.src = side.image;
  return image;
}

export class Pairs {
  /** ask(count): a promise of {results, reason}. waiting(id): is this assignment's answer in the queue? */
  constructor(ask, waiting) {
    this.ask = ask;
    this.waiting = waiting;
    this.list = [];
    this.answered = new Set();
    this.reason = "";
    this.asking = null;
  }

  get current() {
    return this.list[0];
  }

  get short() {
    return this.list.length <= AHEAD;
  }

  /** Take this assignment off the list: it is answered, here or in another tab. */
  drop(id) {
    this.answered.add(id);
    this.list = this.list.filter((pair) => pair.assignment.id !== id);
  }

  /** Show again what was answered, and taken back before it was sent. */
  putFirst(assignment) {
    this.answered.delete(assignment.id);
    this.list.unshift(new Pair(assignment));
  }

  /** Ask the server for what is open. undone: the first of its list comes before what is on the screen. */
  async refill({ waiting = 0, undone = false } = {}) {
    if (undone) await this.asking?.catch(() => {});
    this.asking ??= this.ask(Math.min(MOST, 1 + AHEAD + waiting)).finally(() => (this.asking = null));
    const { results, reason } = await this.asking;
    this.reason = reason ?? "";
    this.#merge(results, undone);
  }

  #merge(assignments, undone) {
    const known = new Map(this.list.map((pair) => [pair.assignment.id, pair]));
    const open = assignments.filter(({ id }) => !this.answered.has(id) && !this.waiting(id));
    const merged = open.map((assignment) => {
      const pair = known.get(assignment.id);
      // Pictures that did not come are asked for again, now that the server is there.
      return pair && !pair.broken ? pair : new Pair(assignment);
    });
    // What is on the screen stays there, unless an undone pair takes its place.
    const first = this.current;
    if (first && !undone) {
      const at = merged.findIndex((pair) => pair.assignment.id === first.assignment.id);
      const [same] = at < 0 ? [first] : merged.splice(at, 1);
      merged.unshift(same);
    }
    this.list = merged;
  }
}
