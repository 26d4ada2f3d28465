// The page of one's own keys: a key may be pressed instead of written.

import { gettext } from "./i18n.js";
import { pressed } from "./keys.js";

const NOT_KEYS = ["Shift", "Control", "Alt", "Meta", "AltGraph", "CapsLock", "Dead", "Unidentified"];
const LEFT_ALONE = ["Tab", "Enter", "Escape", ""];

for (const button of document.querySelectorAll("[data-adds-to]")) {
  const field = document.getElementById(button.dataset.addsTo);
  const text = button.textContent;
  const rest = (listening) => {
    button.setAttribute("aria-pressed", String(listening));
    button.textContent = listening ? gettext("Press it now …") : text;
  };
  const label = field.labels[0].textContent;
  button.setAttribute("aria-label", `${text}: ${label}`);
  button.hidden = false;
  rest(false);
  button.addEventListener("click", () => {
    rest(button.getAttribute("aria-pressed") !== "true");
    if (button.getAttribute("aria-pressed") === "true") say(gettext("Press the key now."));
  });
  button.addEventListener("blur", () => rest(false));
  button.addEventListener("keydown", (event) => {
    const key = pressed(event);
    if (button.getAttribute("aria-pressed") !== "true" || NOT_KEYS.includes(event.key)) return;
    rest(false);
    if (LEFT_ALONE.includes(key)) return;
    event.preventDefault();
    field.value = `${field.value} ${key}`.trim();
    say(field.value);
  });
}

function say(text) {
  document.getElementById("said").textContent = text;
}
