// The page of a project's images: files that are dropped or chosen go up, and many are ticked at once.

import { apiWith } from "./api.js";
import { gettext } from "./i18n.js";
import { Upload } from "./upload.js";

const $ = (id) => document.getElementById(id);
const csrfToken = document.querySelector("meta[name=csrf-token]").content;
const numbers = new Intl.NumberFormat(document.documentElement.lang);
const MOST_LISTED = 500;

// --- Uploads ---

const form = $("upload");
const extensions = new Set(form.dataset.extensions.split(","));
const upload = new Upload(
  apiWith(csrfToken),
  csrfToken,
  { api: form.dataset.api, mostBytes: Number(form.dataset.mostBytes) },
  show,
);

$("drop").hidden = false;
$("id_pictures_helptext").hidden = true; // of how many the form takes without this script

form.addEventListener("submit", (event) => {
  const files = [...form.elements.pictures.files];
  if (!files.length) return; // the browser says what is missing
  event.preventDefault();
  take(files.map((file) => ({ file, name: file.name })));
  form.elements.pictures.value = "";
});

for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    $("adding").open = true;
    $("drop").classList.add("over-it");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("drop").classList.remove("over-it");
});
// Anywhere on the page, since a file that is dropped beside its place would be opened instead.
document.addEventListener("drop", async (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  $("drop").classList.remove("over-it");
  take(await filesOf(event.dataTransfer));
});

$("again").addEventListener("click", () => upload.again());
$("stop").addEventListener("click", () => upload.stop(gettext("Stopped. Add the same files again to go on.")));
window.addEventListener("beforeunload", (event) => {
  if (upload.running) event.preventDefault();
});

function take(entries) {
  const { prompt, model } = form.elements;
  upload.add(entries, { prompt: prompt.value, model: model.value });
}

/** Of files all, of folders the pictures, by their paths. What is dropped must be asked for at once. */
async function filesOf(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const dropped = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = [];
  for (const entry of dropped) {
    if (entry instanceof File) found.push({ file: entry, name: entry.name });
    else if (entry?.isFile) found.push({ file: await fileOf(entry), name: entry.name });
    else if (entry) await walk(entry, found);
  }
  return found;
}

async function walk(folder, found) {
  const reader = folder.createReader();
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return; // it gives a hundred at a time
    for (const entry of some) {
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory) await walk(entry, found);
      else if (isPicture(entry.name)) {
        found.push({ file: await fileOf(entry), name: entry.fullPath.replace(/^\//, "") });
      }
    }
  }
}

function fileOf(entry) {
  return new Promise((resolve) => entry.file(resolve, () => resolve(new File([], entry.name))));
}

function isPicture(name) {
  return extensions.has(name.slice(name.lastIndexOf(".")).toLowerCase());
}

let listed = [];

function show({ added, known, refused, files, done, share, running, ended }) {
  $("sending").hidden = !files && !ended;
  $("sent").value = share;
  const [of, all] = [numbers.format(done), numbers.format(files)];
  const parts = [gettext("%(of)s of %(all)s done: %(added)s added", { of, all, added: numbers.format(added) })];
  if (known) parts.push(gettext("%(count)s there already", { count: numbers.format(known) }));
  if (refused.length) parts.push(gettext("%(count)s not added", { count: numbers.format(refused.length) }));
  $("sent-text").textContent = `${parts.join(", ")}.${ended ? ` ${ended}` : ""}`;
  $("stop").hidden = !running;
  $("again").hidden = running || !refused.some((entry) => entry.passes);
  $("look").hidden = running || !(added + known);
  $("refused").hidden = !refused.length;
  $("refused-count").textContent = numbers.format(refused.length);
  if (refused !== listed.of) {
    listed = { of: refused, count: 0 };
    $("refusals").replaceChildren();
  }
  for (; listed.count < Math.min(refused.length, MOST_LISTED); listed.count += 1) {
    const { name, reason } = refused[listed.count];
    const line = document.createElement("li");
    const what = document.createElement("strong");
    what.textContent = name;
    line.append(what, ` ${reason}`);
    $("refusals").append(line);
  }
}

// --- Ticking ---

const ticks = [...document.querySelectorAll("input[name=images]")];
if (ticks.length) {
  const button = $("tick-page");
  button.hidden = false;
  button.addEventListener("click", () => {
    const all = ticks.every((tick) => tick.checked);
    for (const tick of ticks) tick.checked = !all;
    count();
  });
  document.addEventListener("change", (event) => {
    if (event.target.name === "images" || event.target.id === "everything") count();
    if (event.target.name === "images" && event.target.checked) $("many").open = true;
  });
  count();
}

function count() {
  const ticked = ticks.filter((tick) => tick.checked).length;
  $("ticked").textContent = $("everything").checked
    ? gettext("all")
    : ticked ? gettext("%(count)s ticked", { count: numbers.format(ticked) }) : "";
  $("tick-page").textContent = ticked === ticks.length ? gettext("Untick this page") : gettext("Tick this page");
}
