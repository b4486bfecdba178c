"use strict";
// Days can be read without a mouse: arrow keys move in a calendar, and the day pointed at, tapped or reached is written above it. Without this script
// the same text is each cell's tooltip.
for (const calendar of document.querySelectorAll(".calendar")) {
  const out = calendar.querySelector("[data-day]");
  out.hidden = false;
  const tables = [...calendar.querySelectorAll(".year")];
  const at = (t, r, c) => {
    const row = tables[t] && tables[t].tBodies[0].rows[r];
    const cell = row && row.cells[c];
    return cell && cell.title ? cell : null;
  };
  let current = null;
  const show = (cell) => {
    if (current) current.classList.remove("at");
    current = cell;
    cell.classList.add("at");
    out.textContent = cell.title;
  };
  const enter = (cell) => {
    for (const c of calendar.querySelectorAll("td[tabindex='0']")) c.tabIndex = -1;
    cell.tabIndex = 0;
    cell.setAttribute("aria-label", cell.title);
    cell.focus();
  };
  let last = null;
  for (const table of tables) {
    table.setAttribute("role", "grid");
    for (const cell of table.querySelectorAll("tbody td")) {
      cell.setAttribute("role", "gridcell");
      if (cell.title) last = cell;
    }
    for (const link of table.querySelectorAll("a")) link.tabIndex = -1; // Enter on the cell follows it
  }
  if (!last) continue;
  last.tabIndex = 0;
  last.setAttribute("aria-label", last.title);
  out.textContent = last.title;
  const cellOf = (event) => {
    const cell = event.target.closest("td");
    return cell && cell.title ? cell : null;
  };
  for (const kind of ["mouseover", "focusin", "click"]) {
    calendar.addEventListener(kind, (event) => {
      const cell = cellOf(event);
      if (cell) show(cell);
    });
  }
  calendar.addEventListener("keydown", (event) => {
    const cell = cellOf(event);
    if (!cell || event.altKey || event.ctrlKey || event.metaKey) return;
    const t = tables.indexOf(cell.closest("table")), r = cell.parentElement.sectionRowIndex, c = cell.cellIndex;
    let next = null;
    const seek = (dt, dr, dc) => { // past months' ends and years
      let [y, row, col] = [t, r, c];
      for (let steps = 0; steps < 800; steps++) {
        col += dc; row += dr; y += dt;
        if (col > 31) { col = 1; row++; }
        if (col < 1) { col = 31; row--; }
        if (tables[y] && row >= tables[y].tBodies[0].rows.length) { row = 0; y++; }
        if (row < 0) { y--; row = tables[y] ? tables[y].tBodies[0].rows.length - 1 : 0; }
        if (!tables[y]) return null;
        const found = at(y, row, col);
        if (found) return found;
      }
      return null;
    };
    switch (event.key) {
    case "ArrowRight": next = seek(0, 0, 1); break;
    case "ArrowLeft": next = seek(0, 0, -1); break;
    case "ArrowDown": next = seek(0, 1, 0); break;
    case "ArrowUp": next = seek(0, -1, 0); break;
    case "PageDown": next = seek(1, 0, 0); break;
    case "PageUp": next = seek(-1, 0, 0); break;
    case "Home": for (let i = 1; i <= 31 && !next; i++) next = at(t, r, i); break;
    case "End": for (let i = 31; i >= 1 && !next; i--) next = at(t, r, i); break;
    case "Enter": { const link = cell.querySelector("a"); if (link) link.click(); return; }
    default: return;
    }
    event.preventDefault();
    if (next) enter(next);
  });
}
