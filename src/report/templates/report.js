"use strict";
document.documentElement.classList.add("script");
const body = document.querySelector("#ranking tbody");
const rows = Array.from(body.rows);
const shown = document.querySelector("#shown");
const tools = document.querySelectorAll(".tools [data-by]");

function matches(row, tool) {
  const wanted = tool.value;
  if (!wanted) return true;
  if (tool.dataset.by === "text") return row.cells[1].textContent.toLowerCase().includes(wanted.toLowerCase());
  return row.dataset[tool.dataset.by] === wanted;
}

function filter() {
  let count = 0;
  for (const row of rows) {
    row.hidden = !Array.from(tools).every((tool) => matches(row, tool));
    if (!row.hidden) count += 1;
  }
  shown.textContent = `${count} of ${rows.length} partners`;
}

function value(row, column) {
  const cell = row.cells[column];
  const text = cell.dataset.v ?? cell.textContent.trim();
  const number = Number(text);
  return text !== "" && !Number.isNaN(number) ? number : text.toLowerCase();
}

function compare(a, b) {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === "number" ? -1 : 1;
}

for (const tool of tools) tool.addEventListener("input", filter);
document.querySelectorAll("#ranking thead th").forEach((head, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  head.replaceChildren(button);
  head.setAttribute("aria-sort", "none");
  button.addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentNode.cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const order = up ? 1 : -1;
    rows.sort((a, b) => order * compare(value(a, column), value(b, column)));
    body.append(...rows);
  });
});
filter();
