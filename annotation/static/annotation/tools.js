// The row of tools under the images, their keys, and what they say: how large, and in which way one looks.

import { gettext } from "./i18n.js";

const $ = (id) => document.getElementById(id);
const numbers = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });
const STEP = 80; // px of a key that moves what is enlarged
const ENLARGED = 2; // by the button that says how large
const TOWARD = [[1, 0], [-1, 0], [0, 1], [0, -1]]; // left, right, up, down: the image goes the other way
const ACTIONS = ["flip", "difference", "reference", "zoom_in", "zoom_out", "zoom_reset", "pan", "help"];

export class Tools {
  constructor(element, announce) {
    this.announce = announce;
    this.mode = "";
    this.tools = Object.fromEntries([...element.querySelectorAll("[data-tool]")].map((tool) => [tool.dataset.tool, tool]));
  }

  /** Let the buttons and keys do what they say, to this view. */
  work(view) {
    const { flip, difference, reference, zoom_in, zoom_out, zoom_reset, help } = this.tools;
    held(flip, (on) => view.hold(on ? "flip" : ""));
    held(reference, (on) => view.hold(on ? "reference" : ""));
    const repeated = (task) => Object.assign(task, { repeats: true });
    this.tasks = {
      flip: (event) => whileDown(event, (on) => view.hold(on ? "flip" : "")),
      reference: (event) => whileDown(event, (on) => view.hold(on ? "reference" : "")),
      difference: () => view.toggle("difference"),
      zoom_in: repeated(() => view.in()),
      zoom_out: repeated(() => view.out()),
      zoom_reset: () => view.reset(),
      help: () => $("help").showModal(),
    };
    this.pans = TOWARD.map(([x, y]) => repeated(() => view.panBy(x * STEP, y * STEP)));
    // The button says how large, and so goes both ways.
    zoom_reset.addEventListener("click", () => (view.isZoomed ? view.reset() : view.zoomBy(ENLARGED)));
    for (const tool of [difference, zoom_in, zoom_out, help]) {
      tool.addEventListener("click", () => this.tasks[tool.dataset.tool]());
    }
  }

  taskOf(keys, event) {
    const [action, place] = keys.meant(event, ACTIONS);
    return action === "pan" ? this.pans[place] : this.tasks[action];
  }

  show({ at, mode, canCompare, reference, ports }) {
    const { flip, difference, zoom_in, zoom_out, zoom_reset } = this.tools;
    flip.disabled = difference.disabled = !canCompare;
    this.tools.reference.hidden = !reference;
    zoom_in.disabled = zoom_out.disabled = zoom_reset.disabled = !ports.length;
    for (const name of ["flip", "difference", "reference"]) {
      this.tools[name].setAttribute("aria-pressed", String(mode === name));
    }
    $("zoom-level").textContent = `${numbers.format(at.zoom)}×`;
    if (mode === this.mode) return;
    this.mode = mode;
    const said = {
      flip: gettext("Each side shows the other image."),
      reference: gettext("Both sides show the reference."),
      difference: gettext("Both sides show the difference."),
    };
    if (mode) this.announce(said[mode]);
    const labels = {
      difference: gettext("Difference, brightened: black is the same in both"),
      reference: gettext("Reference"),
    };
    $("looking").textContent = labels[mode] ?? "";
  }

  /** Letting go now would choose this side; or none. */
  aim(side) {
    $("stage").dataset.aim = side;
  }
}

/** Tell when a button is pressed and let go: by a finger, the mouse, a key, or (toggled) whatever else clicks. */
function held(button, tell) {
  let on = false;
  let byHand = false;
  const turn = (wanted) => {
    if (wanted !== on) tell((on = wanted));
  };
  button.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    byHand = true;
    button.setPointerCapture(event.pointerId);
    turn(true);
  });
  for (const kind of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
    button.addEventListener(kind, () => turn(false));
  }
  button.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    whileDown(event, turn);
  });
  button.addEventListener("click", () => {
    if (!byHand) turn(!on);
    byHand = false;
  });
  button.addEventListener("contextmenu", (event) => event.preventDefault());
}

/** From this press of a key until the key is let go, or the page is left. */
function whileDown({ code, repeat }, tell) {
  if (repeat) return;
  const end = (event) => {
    if (event.type === "keyup" && event.code !== code) return;
    removeEventListener("keyup", end);
    removeEventListener("blur", end);
    tell(false);
  };
  addEventListener("keyup", end);
  addEventListener("blur", end);
  tell(true);
}
