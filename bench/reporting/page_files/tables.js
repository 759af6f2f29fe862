// A click on a heading sorts the table: numerically for numbers, missing values last.
const sortKey = (row, i) => {
  const cell = row.cells[i], value = cell.dataset.value;
  if (value !== undefined) return value === "inf" ? Infinity : Number(value);
  const text = cell.textContent.trim();
  return text === "" || text === "-" ? null : text;
};
const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
for (const table of document.querySelectorAll("table")) {
  const headings = [...[...table.tHead.rows].at(-1).cells], body = table.tBodies[0], key = `order ${table.closest("section").id}`;
  const sort = (i, direction) => {
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    headings[i].setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
    const missing = [], rows = [];
    for (const row of body.rows) (sortKey(row, i) === null ? missing : rows).push(row);
    rows.sort((a, b) => direction * compare(sortKey(a, i), sortKey(b, i)));
    body.append(...rows, ...missing);
    table.dispatchEvent(new Event("sorted"));
    state.set(key, [headings[i].textContent, direction]);
  };
  headings.forEach((heading, i) => heading.querySelector("button").addEventListener("click", () => sort(i, heading.getAttribute("aria-sort") === "ascending" ? -1 : 1)));
  const [name, direction] = state.get(key, []), before = headings.findIndex((heading) => heading.textContent === name);
  if (before >= 0) sort(before, direction);
}

// Of a long table only the first rows are shown, until a reader asks for all.
const MOST_ROWS = 24, FEW_ROWS = 12;
for (const table of document.querySelectorAll("section:not(:has(> .folded)) table")) {
  const body = table.tBodies[0], count = body.rows.length, key = `rows ${table.closest("section").id}`;
  if (count <= MOST_ROWS) continue;
  const button = element("button", { type: "button", className: "rows" });
  const show = (all) => {
    button.ariaExpanded = String(all);
    button.textContent = all ? `Show the first ${FEW_ROWS} rows only` : `Show all ${count} rows`;
    [...body.rows].forEach((row, i) => { row.hidden = !all && i >= FEW_ROWS; });
  };
  button.addEventListener("click", () => { show(button.ariaExpanded !== "true"); state.set(key, button.ariaExpanded === "true"); });
  table.addEventListener("sorted", () => show(button.ariaExpanded === "true"));
  table.closest(".wide").after(button);
  show(state.get(key, false));
}

// Groups of columns fold: the first column of a group stays. A table that is wider than the screen says so.
for (const wide of document.querySelectorAll(".wide")) {
  const scroll = wide.querySelector(".scroll"), table = wide.querySelector("table"), hint = element("p", { className: "hint", hidden: true });
  wide.after(hint);
  const look = () => {
    const left = scroll.scrollLeft, rest = scroll.scrollWidth - scroll.clientWidth - left, edge = scroll.getBoundingClientRect().right;
    const hidden = [...[...table.tHead.rows].at(-1).cells].filter((cell) => cell.offsetWidth && cell.getBoundingClientRect().right > edge + 1).length;
    wide.classList.toggle("more", rest > 1);
    wide.classList.toggle("moved", left > 1);
    scroll.style.scrollPaddingLeft = `${table.tHead.rows[0].cells[0].offsetWidth}px`;  // what has the focus is not below the first column
    hint.hidden = scroll.scrollWidth - scroll.clientWidth <= 1;
    hint.textContent = hidden ? `${hidden} more column${hidden > 1 ? "s" : ""} to the right: scroll the table →` : "← scroll the table back";
  };
  let first = 1;
  for (const heading of table.querySelectorAll(".groups th")) {
    const size = heading.colSpan, start = first, button = heading.querySelector("button"), key = `fold ${table.closest("section").id} ${heading.textContent}`;
    first += size;
    if (!button || size < 2) continue;
    const fold = (isFolded) => {
      button.ariaExpanded = String(!isFolded);
      heading.colSpan = isFolded ? 1 : size;
      for (const row of table.rows) if (row !== heading.parentElement) for (let i = start + 1; i < start + size; i++) row.cells[i].hidden = isFolded;
      button.title = isFolded ? `show ${size - 1} more` : "fold";
      look();
    };
    button.addEventListener("click", () => { fold(button.ariaExpanded === "true"); state.set(key, button.ariaExpanded === "false"); });
    fold(state.get(key, scroll.clientWidth < 640));
  }
  scroll.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(scroll);
}

// A link to something in a folded section opens it.
const reveal = (hash) => {
  const target = hash ? document.getElementById(decodeURIComponent(hash.slice(1))) : null;
  for (let box = target?.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
};
document.addEventListener("click", ({ target }) => reveal(target.closest("a[href^='#']")?.hash));
addEventListener("hashchange", () => reveal(location.hash));
reveal(location.hash);

// A click on a figure enlarges it.
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
