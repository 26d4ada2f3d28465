/* What every page does: its menu closes by itself, and on a phone its tables say what each value is. */

const menu = document.querySelector(".menu");

menu?.addEventListener("focusout", (event) => {
  if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});
document.addEventListener("click", (event) => {
  if (menu?.open && !menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !menu?.open) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

/* The style sheet puts the values of a line below one another where a table is too wide, each with its name. */
function nameValues() {
  for (const table of document.querySelectorAll(".scroll > table:not(.named)")) {
    const names = [...table.tHead.rows[0].cells].map((cell) =>
      cell.querySelector(".for-readers") ? "" : cell.textContent.trim());
    for (const row of table.tBodies[0].rows) {
      [...row.cells].forEach((cell, at) => { cell.dataset.name = names[at]; });
    }
    table.classList.add("named");
  }
}

nameValues();
document.addEventListener("htmx:afterSwap", nameValues);
document.addEventListener("htmx:oobAfterSwap", nameValues);
