// Fingers and the mouse on the images. A tap or click chooses, and so does a swipe toward an image; a pinch
// and the wheel enlarge, a drag moves what is enlarged. What moved never chooses.

const STILL = { mouse: 4, pen: 6, touch: 10 }; // px that a pointer may move and still point
const SWIPE = 64; // px toward an image until letting go chooses it
const TWO_TAPS = 260; // ms
const CLOSE = 40; // px

export class Gestures {
  /**
   * on.choose(side): a tap or swipe has chosen. on.aim(side or ""): letting go now would choose it.
   * on.screen(): what is shown; what began on another one chooses nothing.
   */
  constructor(stage, view, on) {
    this.stage = stage;
    this.view = view;
    this.on = on;
    this.pointers = new Map();
    this.#rest();
    const listen = (kind, task) => stage.addEventListener(kind, task);
    listen("pointerdown", (event) => this.#down(event));
    listen("pointermove", (event) => this.#move(event));
    listen("pointerup", (event) => this.#up(event));
    listen("pointercancel", (event) => this.#cancel(event));
    listen("dragstart", (event) => event.preventDefault());
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    // Before the buttons hear of it.
    stage.addEventListener("click", (event) => this.#click(event), true);
  }

  #rest() {
    this.moved = false;
    this.pinched = false;
    this.#aim("");
  }

  #aim(side) {
    if (side === this.aimed) return;
    this.aimed = side;
    this.on.aim(side);
  }

  #down(event) {
    if (event.pointerType === "mouse" && event.button) return;
    if (!this.pointers.size) {
      this.#rest();
      this.answered = false;
      this.start = at(event);
      this.pane = event.target.closest(".pane[data-outcome]:enabled");
      this.screen = this.on.screen();
    } else {
      this.pinched = true;
      this.#aim("");
    }
    this.pointers.set(event.pointerId, at(event));
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    if (this.pointers.size > 1) return this.#pinch(event.pointerId, before, now);
    const [dx, dy] = [now.x - this.start.x, now.y - this.start.y];
    if (!this.moved && Math.hypot(dx, dy) < (STILL[event.pointerType] ?? STILL.touch)) return;
    if (!this.moved) this.stage.setPointerCapture(event.pointerId);
    this.moved = true;
    if (this.view.isZoomed) this.view.panBy(now.x - before.x, now.y - before.y, this.start);
    else if (event.pointerType === "touch" && !this.pinched && this.view.pair) this.#aim(this.#sideToward(dx, dy));
    this.pointers.set(event.pointerId, now);
  }

  #pinch(id, before, now) {
    const [[, other]] = [...this.pointers].filter(([one]) => one !== id);
    this.pointers.set(id, now);
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    const apart = (point) => Math.max(20, Math.hypot(point.x - other.x, point.y - other.y));
    this.view.zoomBy(apart(now) / apart(before), middle);
    this.view.panBy((now.x - before.x) / 2, (now.y - before.y) / 2, middle);
  }

  /** The image that a finger goes toward: up and down where they are stacked, else left and right. */
  #sideToward(dx, dy) {
    const [along, across] = isStacked() ? [dy, dx] : [dx, dy];
    if (Math.abs(along) < SWIPE || Math.abs(along) < 1.5 * Math.abs(across)) return "";
    return along < 0 ? "left" : "right";
  }

  #up(event) {
    if (!this.pointers.delete(event.pointerId) || this.pointers.size) return;
    this.answered = this.moved || this.pinched || (event.pointerType === "touch" && Boolean(this.pane));
    const { aimed } = this;
    if (aimed && this.on.screen() === this.screen) this.on.choose(aimed);
    else if (this.answered && !this.moved && !this.pinched) this.#tap(at(event), event.timeStamp);
    this.#rest();
  }

  #cancel(event) {
    this.pointers.delete(event.pointerId);
    this.#rest();
    this.answered = true;
  }

  /** At once; a second tap on the same spot was meant for what is gone. */
  #tap(point, time) {
    const again = this.tapped && time - this.tapped.time < TWO_TAPS && near(point, this.tapped);
    this.tapped = { ...point, time };
    if (!again && this.on.screen() === this.screen) this.on.choose(this.pane.dataset.outcome);
  }

  /** A click that ends a drag, a pinch or a tap has been dealt with; those of keys and the mouse go on. */
  #click(event) {
    if (!this.answered || !event.detail) return;
    this.answered = false;
    event.stopPropagation();
    event.preventDefault();
  }

  #wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode ? 24 : 1);
    // A pinch on a touchpad comes as a wheel with Ctrl, in small steps.
    const factor = Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.002));
    this.view.zoomBy(Math.min(2, Math.max(0.5, factor)), at(event));
  }
}

/** Whether the pair's images stand one above the other. */
export function isStacked() {
  const [left, right] = ["left", "right"].map((id) => document.getElementById(id).getBoundingClientRect());
  return right.top >= left.bottom;
}

function near(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y) < CLOSE;
}

function at({ clientX: x, clientY: y }) {
  return { x, y };
}
