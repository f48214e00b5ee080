// The list of frames: only the rows that can be seen are in the document.
const ROW = 22;

class FrameList {
  constructor(state, choose) {
    this.state = state;
    this.choose = choose;
    this.box = document.getElementById("list");
    this.rows = document.getElementById("rows");
    this.session = null;
    this.box.addEventListener("scroll", () => this.draw());
    this.box.addEventListener("click", (event) => { const row = event.target.closest(".row"); if (row) choose(this.session, Number(row.dataset.frame)); });
    this.box.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -1e9, End: 1e9 }[event.key];
      if (step === undefined || !this.size) return;
      event.preventDefault();
      event.stopPropagation();
      const place = Math.min(this.size - 1, Math.max(0, this.placeOf(this.state.chosen ? this.state.chosen.frame : 0) + step));
      choose(this.session, this.frameAt(place));
    });
  }

  get size() { return this.session ? (this.session.shown ? this.session.shown.length : this.session.count) : 0; }
  frameAt(place) { return this.session.shown ? this.session.shown[place] : place; }

  placeOf(frame) {
    const shown = this.session.shown;
    if (!shown) return frame;
    let low = 0, high = shown.length;
    while (low < high) { const middle = (low + high) >> 1; if (shown[middle] < frame) low = middle + 1; else high = middle; }
    return Math.min(low, Math.max(0, shown.length - 1));
  }

  of(session) {
    if (session !== this.session) { this.session = session; this.box.scrollTop = 0; }
    this.draw();
  }

  reveal(frame) {
    const top = this.placeOf(frame) * ROW, box = this.box;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW - box.clientHeight;
    this.draw();
  }

  draw() {
    const { session, rows, box } = this;
    rows.replaceChildren();
    rows.style.height = `${this.size * ROW}px`;
    if (!session) return;
    const first = Math.max(0, Math.floor(box.scrollTop / ROW) - 4), last = Math.min(this.size, first + Math.ceil(box.clientHeight / ROW) + 8);
    const missing = new Set();
    for (let place = first; place < last; place++) {
      const frame = this.frameAt(place), lane = session.lane[frame], row = document.createElement("div");
      const chosen = this.state.chosen && this.state.chosen.session === session && this.state.chosen.frame === frame;
      row.className = `row ${"csn"[lane]}${chosen ? " on" : ""}`;
      row.style.top = `${place * ROW}px`;
      row.dataset.frame = frame;
      row.id = `row-${frame}`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(!!chosen));
      row.setAttribute("aria-setsize", this.size);
      row.setAttribute("aria-posinset", place + 1);
      const text = session.textNow(frame);
      if (!text) missing.add(Math.floor(frame / session.block));
      const cells = [["at", session.timed ? secondsOf(session.at[frame]) : `#${frame}`], ["who", ["\u2192", "\u2190", "*"][lane]], ["name", session.nameOf(frame)], ["sum", text ? text[0] : ""]];
      for (const [name, value] of cells) { const cell = document.createElement("span"); cell.className = name; cell.textContent = value; row.append(cell); }
      rows.append(row);
    }
    // Only a row that is in the document may be named.
    const active = this.state.chosen && this.state.chosen.session === session ? document.getElementById(`row-${this.state.chosen.frame}`) : null;
    if (active) box.setAttribute("aria-activedescendant", active.id); else box.removeAttribute("aria-activedescendant");
    if (missing.size) Promise.all([...missing].map((block) => session.texts(block))).then(() => { if (this.session === session) this.draw(); });
  }
}

// Which frames a filter lets by. Names first, then texts block by block, so that the page stays responsive.
async function filtered(session, want, lanes, withoutAudio, stillWanted) {
  const words = want.trim().toLowerCase(), audio = withoutAudio ? session.kinds.indexOf("audio") : -1;
  if (!words && lanes.every(Boolean) && audio < 0) return null;
  const found = [], named = session.names.map((name) => name.toLowerCase().includes(words));
  for (let frame = 0; frame < session.count; frame++) {
    if (!lanes[session.lane[frame]] || session.kind[frame] === audio) continue;
    if (!words || named[session.name[frame]]) { found.push(frame); continue; }
    const texts = await session.texts(Math.floor(frame / session.block));
    if (!stillWanted()) return null;
    const [summary, text] = texts[frame % session.block];
    if (summary.toLowerCase().includes(words) || text.toLowerCase().includes(words)) found.push(frame);
  }
  return Uint32Array.from(found);
}
