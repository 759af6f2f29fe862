// A click on a heading sorts the table: numerically for numbers, missing values last. A click on a figure enlarges it.
const sortKey = (row, i) => {
  const cell = row.cells[i], value = cell.dataset.value;
  if (value !== undefined) return value === "inf" ? Infinity : Number(value);
  const text = cell.textContent.trim();
  return text === "" || text === "-" ? null : text;
};
const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
for (const table of document.querySelectorAll("table")) {
  const headings = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  headings.forEach((heading, i) => heading.querySelector("button").addEventListener("click", () => {
    const direction = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
    const missing = [], rows = [];
    for (const row of body.rows) (sortKey(row, i) === null ? missing : rows).push(row);
    rows.sort((a, b) => direction * compare(sortKey(a, i), sortKey(b, i)));
    body.append(...rows, ...missing);
  }));
}
const dialog = document.querySelector("dialog");
for (const button of document.querySelectorAll(".enlarge")) {
  button.addEventListener("click", () => {
    const source = button.querySelector("img"), target = dialog.querySelector("img");
    target.src = source.src;
    target.alt = source.alt;
    dialog.classList.toggle("crisp", button.closest(".grids") !== null);
    dialog.showModal();
  });
}
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
