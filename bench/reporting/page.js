// Tables sort by a click on a heading, numbers as numbers, what is missing last; figures open in a dialog.
const worth = (row, i) => {
  const cell = row.cells[i], value = cell.dataset.value;
  if (value !== undefined) return value === "inf" ? Infinity : Number(value);
  const text = cell.textContent.trim();
  return text === "" || text === "-" ? null : text;
};
const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
for (const table of document.querySelectorAll("table")) {
  const headings = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  headings.forEach((heading, i) => heading.querySelector("button").addEventListener("click", () => {
    const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    headings.forEach((each) => each.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
    const missing = [], rows = [];
    for (const row of body.rows) (worth(row, i) === null ? missing : rows).push(row);
    rows.sort((a, b) => sign * compare(worth(a, i), worth(b, i)));
    body.append(...rows, ...missing);
  }));
}
const dialog = document.querySelector("dialog");
for (const button of document.querySelectorAll(".enlarge")) {
  button.addEventListener("click", () => {
    const from = button.querySelector("img"), to = dialog.querySelector("img");
    to.src = from.src;
    to.alt = from.alt;
    dialog.classList.toggle("crisp", button.closest(".grids") !== null);
    dialog.showModal();
  });
}
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
