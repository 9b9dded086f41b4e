"use strict";
const PAGE = 100;
const table = document.querySelector("#ranking");
const body = table.tBodies[0];
const heads = Array.from(table.tHead.rows[0].cells);
const shown = document.querySelector("#shown");
const rest = document.querySelector(".rest");
const tools = Array.from(document.querySelectorAll(".tools [data-by]"));
const sorts = document.querySelector("#sort");
const NUMBERS = new Set([0, 6, 7, 8, 9, 10, 11]);

// Read once: what a row says, as it is compared.
const rows = Array.from(body.rows, (row) => {
  const texts = Array.from(row.cells, (cell) => cell.textContent.trim());
  return { row, texts, keys: texts.map((text, column) => NUMBERS.has(column) ? Number(text) : text.toLowerCase()) };
});
let limit = PAGE;
let kept = rows;

function matches(one, tool) {
  if (!tool.value) return true;
  if (tool.dataset.by === "text") return one.keys[1].includes(tool.value.toLowerCase());
  return one.texts[tool.dataset.by] === tool.value;
}

function show() {
  const visible = new Set(kept.slice(0, limit));
  for (const one of rows) one.row.hidden = !visible.has(one);
  const count = kept.length.toLocaleString("en");
  const of = rows.length.toLocaleString("en");
  shown.textContent = kept.length > limit ? `${count} of ${of} partners, the first ${limit.toLocaleString("en")} shown` : `${count} of ${of} partners`;
  rest.hidden = kept.length <= limit;
}

function filter() {
  const used = tools.filter((tool) => tool.value);
  kept = rows.filter((one) => used.every((tool) => matches(one, tool)));
  limit = PAGE;
  show();
}

// Partners without a value come last, either way.
function order(column, sign) {
  return (a, b) => {
    const [left, right] = [a.keys[column], b.keys[column]];
    if (left === "" || right === "") return (left === "") - (right === "");
    return left < right ? -sign : left > right ? sign : 0;
  };
}

function sort(column, direction) {
  for (const head of heads) head.setAttribute("aria-sort", "none");
  heads[column].setAttribute("aria-sort", direction);
  sorts.value = column;
  rows.sort(order(column, direction === "ascending" ? 1 : -1));
  body.append(...rows.map((one) => one.row));
  filter();
}

// Points are wanted from the most down, everything else from the first up.
const first = (column) => column >= 6 ? "descending" : "ascending";

heads.forEach((head, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  sorts.append(new Option(head.textContent, column));
  head.replaceChildren(button);
  if (!head.hasAttribute("aria-sort")) head.setAttribute("aria-sort", "none");
  button.addEventListener("click", () => {
    const now = head.getAttribute("aria-sort");
    sort(column, now === "none" ? first(column) : now === "ascending" ? "descending" : "ascending");
  });
});
sorts.addEventListener("input", () => sort(Number(sorts.value), first(Number(sorts.value))));
for (const tool of tools) tool.addEventListener("input", filter);
document.querySelector("#more").addEventListener("click", () => { limit += PAGE; show(); });
document.querySelector("#everyone").addEventListener("click", () => { limit = rows.length; show(); });

// A link to a card opens it, and the list it is in.
function open() {
  const target = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", open);
body.addEventListener("click", (event) => { if (event.target.closest("a")) setTimeout(open); });
body.classList.add("ready");
filter();
open();
