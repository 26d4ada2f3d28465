// Which keys mean what. The page has each action's keys from the server, in the person's own choice
// (annotation/keys.py): {left: ["ArrowLeft", "1"], …}; those of a series stand for its first, second … place.

const ARROWS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

/** What was pressed, as the map spells it: "s", "?", "Shift+ArrowLeft"; "" for what can be no key of ours. */
export function pressed(event) {
  if (event.isComposing || event.metaKey || !event.key || event.key === " ") return "";
  const character = event.key.length === 1;
  const key = character ? event.key.toLowerCase() : event.key;
  // Of a sign, Shift and AltGr are how this keyboard has it; of letters and named keys they are meant.
  const sign = character && key === key.toUpperCase();
  const altGraph = character && event.getModifierState?.("AltGraph");
  const modifiers = [
    event.ctrlKey && !altGraph && "Ctrl",
    event.altKey && !altGraph && "Alt",
    event.shiftKey && !sign && "Shift",
  ];
  return [...modifiers.filter(Boolean), key].join("+");
}

export class Keys {
  constructor(map) {
    this.map = map;
  }

  /** The first of these actions that the event's key means, and its place: [action, place], or []. */
  meant(event, actions) {
    const key = pressed(event);
    for (const action of key ? actions : []) {
      const place = (this.map[action] ?? []).indexOf(key);
      if (place >= 0) return [action, place];
    }
    return [];
  }

  /** Write the key of an action's place on an element that a `kbd` in it shows. */
  mark(element, action, place = 0) {
    const key = this.map[action]?.[place] ?? "";
    const kbd = element.querySelector("kbd");
    if (kbd) kbd.textContent = key.replace(/Arrow\w+/, (name) => ARROWS[name]);
    if (key) element.setAttribute("aria-keyshortcuts", key.replace("Ctrl", "Control").replace(/\+$/, "Plus"));
  }
}

/** Whether keys belong to what has the focus: text is typed there, or an open dialog has them. */
export function isElsewhere(event) {
  if (document.querySelector("dialog[open]")) return true;
  return Boolean(event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]"));
}
