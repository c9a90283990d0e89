// A click on the head of a column sorts the rows of its table by it; another click turns them round.

function valueOf(row, column) {
  const text = row.cells[column].textContent.trim();
  const number = Number(text.replace(/,/g, ""));
  return text === "–" ? NaN : Number.isNaN(number) ? text : number;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") {
    return a - b;
  }
  return String(a).localeCompare(String(b));
}

function sortBy(head) {
  const column = head.cellIndex;
  const body = head.closest("table").tBodies[0];
  const up = head.getAttribute("aria-sort") === "descending";
  for (const other of head.parentElement.cells) {
    other.setAttribute("aria-sort", "none");
  }
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const rows = Array.from(body.rows, (row) => ({ row, value: valueOf(row, column) }));
  const known = rows.filter(({ value }) => !Number.isNaN(value));
  known.sort((a, b) => (up ? compare(a.value, b.value) : compare(b.value, a.value)));
  const unknown = rows.filter(({ value }) => Number.isNaN(value));
  body.append(...[...known, ...unknown].map(({ row }) => row));
}

for (const head of document.querySelectorAll("thead th")) {
  head.tabIndex = 0;
  head.setAttribute("aria-sort", "none");
  head.addEventListener("click", () => sortBy(head));
  head.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      sortBy(head);
    }
  });
}
