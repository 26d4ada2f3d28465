// What is asked after an answer, over the buttons and not over the images: how much better, tags, a reason;
// and after “Skip”, what was in the way.

import { gettext } from "./i18n.js";

/** A form in the place of the buttons while it is open. The focus comes to it, and goes back. */
class Step {
  constructor(form, below) {
    this.form = form;
    this.below = below;
    form.querySelector("[data-back]").addEventListener("click", () => this.back());
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing) return;
      event.preventDefault();
      this.back();
    });
  }

  get isOpen() {
    return this.below.dataset.step === this.form.id;
  }

  get reason() {
    return this.form.elements.reason?.value.trim() ?? "";
  }

  start(first) {
    if (!this.below.contains(document.activeElement) || !this.below.dataset.step) this.from = document.activeElement;
    this.form.reset();
    this.below.dataset.step = this.form.id;
    first.focus();
  }

  close() {
    if (!this.isOpen) return;
    const hadFocus = this.form.contains(document.activeElement) || document.activeElement === document.body;
    this.below.dataset.step = "";
    if (!hadFocus) return;
    if (this.from && this.from !== document.body) this.from.focus();
    else document.activeElement.blur();
  }

  back() {
    this.close();
  }
}

export class Details extends Step {
  /** facts: what the project asks. send(outcome, more). left(): the person goes back without an answer. */
  constructor(form, below, { ask_strength, ask_reason, tags = [] }, keys, { send, left }) {
    super(form, below);
    this.asks = { strength: Boolean(ask_strength), reason: Boolean(ask_reason), tags: tags.length > 0 };
    this.on = { send, left };
    this.strengths = [...form.querySelectorAll("[data-strength]")];
    this.strengths.forEach((button, at) => {
      keys.mark(button, "strength", at);
      button.addEventListener("click", () => this.#strong(at));
    });
    form.querySelector(".strengths").hidden = !this.asks.strength;
    form.querySelector(".tags").hidden = !this.asks.tags;
    form.querySelector(".tags").append(...tags.map((tag, at) => chip(tag, at, keys)));
    form.querySelector(".reason").hidden = !this.asks.reason;
    form.querySelector("[type=submit]").hidden = !this.asks.reason && !this.asks.tags;
    form.hidden = !Object.values(this.asks).some(Boolean);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  /** Whether this outcome needs more than itself: how much better only one of two can be. */
  wanted(outcome) {
    const oneOfTwo = outcome === "left" || outcome === "right";
    return outcome !== "skip" && (this.asks.reason || this.asks.tags || (this.asks.strength && oneOfTwo));
  }

  /** more: what goes with the answer besides. chosen: it, in a word. */
  open(outcome, chosen, more = {}) {
    this.answer = { outcome, more };
    this.#mark(null);
    const strong = this.asks.strength && (outcome === "left" || outcome === "right");
    this.needsStrength = strong;
    this.form.querySelector(".strengths").hidden = !strong;
    this.form.querySelector(".chosen").textContent = chosen;
    const tag = this.form.elements.tags?.[0] ?? this.form.elements.tags;
    this.start(strong ? this.strengths[0] : (tag ?? this.form.elements.reason));
  }

  back() {
    super.back();
    this.on.left(this.answer.outcome);
  }

  /** What a key does here, as the keys of strengths and tags mean it. */
  taskOf([action, place]) {
    if (action === "strength" && this.needsStrength) return () => this.#strong(place);
    const tags = [...this.form.querySelectorAll("[name=tags]")];
    return action === "tag" && tags[place] ? () => tags[place].click() : null;
  }

  #mark(strength) {
    this.strength = strength;
    this.strengths.forEach((button, at) => button.setAttribute("aria-pressed", String(at + 1 === strength)));
  }

  #strong(at) {
    // Enter on what is chosen already sends.
    if (this.strength === at + 1) return this.#send();
    this.#mark(at + 1);
    if (this.asks.tags || this.asks.reason) this.form.querySelector("[type=submit]").focus();
    else this.#send();
  }

  #send() {
    if (this.needsStrength && !this.strength) return this.strengths[0].focus();
    const { outcome, more } = this.answer;
    const said = { ...more };
    if (this.needsStrength) said.strength = this.strength;
    const tags = [...this.form.querySelectorAll("[name=tags]:checked")].map(({ value }) => value);
    if (tags.length) said.tags = tags;
    if (this.reason) said.reason = this.reason;
    this.on.send(outcome, said);
  }
}

function chip(tag, at, keys) {
  const label = document.createElement("label");
  label.className = "chip";
  label.innerHTML = '<input type="checkbox" name="tags"><span></span><kbd></kbd>';
  const [input, text] = label.children;
  input.value = text.textContent = tag;
  keys.mark(label, "tag", at);
  // The name of what has the focus tells the key, not of what is around it.
  const shortcut = label.getAttribute("aria-keyshortcuts");
  label.removeAttribute("aria-keyshortcuts");
  if (shortcut) input.setAttribute("aria-keyshortcuts", shortcut);
  return label;
}

export class Causes extends Step {
  /** send(more): skipped, with {cause, reason} as far as they were given. */
  constructor(form, below, send) {
    super(form, below);
    this.send = send;
    this.buttons = [...form.querySelectorAll("[data-cause]")];
    for (const button of this.buttons) {
      button.addEventListener("click", (event) => event.detail < 2 && this.pick(button.dataset.cause));
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.pick("");
    });
  }

  open() {
    // On the harmless one: a key that is pressed by chance reports no image.
    this.start(this.buttons.at(-1));
  }

  pick(cause) {
    const { reason } = this;
    this.send({ ...(cause && { cause }), ...(reason && { reason }) });
  }
}

/** The outcome in a word, as the details repeat it. */
export function chosenSentence(outcome, stacked) {
  const said = {
    left: stacked ? gettext("You chose the top image.") : gettext("You chose the left image."),
    right: stacked ? gettext("You chose the bottom image.") : gettext("You chose the right image."),
    tie: gettext("You chose a tie."),
    both_bad: gettext("You chose: both bad."),
    ordered: gettext("You put them in order."),
  };
  return said[outcome];
}
