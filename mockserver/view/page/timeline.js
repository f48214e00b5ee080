// The drawing of one session: lanes on a time axis. Only what can be seen is drawn.
const LANES = { ruler: 0, bars: 18, clientWave: 42, clientWords: 76, client: 92, note: 112, server: 130, serverWave: 150, serverWords: 186, heard: 204 };
const GUTTER = 76; // where the lanes' names stand
const SHAPES = { client: (g, x, y) => { g.moveTo(x, y + 12); g.lineTo(x + 4, y + 2); g.lineTo(x - 4, y + 2); },
  server: (g, x, y) => { g.moveTo(x, y + 2); g.lineTo(x + 4, y + 12); g.lineTo(x - 4, y + 12); } };

function colours() {
  const style = getComputedStyle(document.documentElement);
  const named = {};
  for (const name of ["back", "fore", "dim", "line", "soft", "client", "server", "note", "bad", "pick"]) named[name] = style.getPropertyValue("--" + name).trim();
  return named;
}

class Timeline {
  constructor(session, state, choose) {
    this.session = session;
    this.state = state;
    this.choose = choose;
    this.cursor = null;
    const canvas = this.canvas = document.createElement("canvas");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) < Math.abs(event.deltaY) && !event.altKey) return; // the page scrolls
      event.preventDefault();
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) state.move((event.deltaX || event.deltaY) / 800);
      else state.zoom(event.deltaY < 0 ? 0.8 : 1.25, this.tickAt(event));
    }, { passive: false });
    let grabbed = null;
    canvas.addEventListener("pointerdown", (event) => { grabbed = { x: event.offsetX, from: state.from, moved: false }; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", (event) => {
      if (!grabbed) return;
      const moved = event.offsetX - grabbed.x;
      if (Math.abs(moved) > 3) grabbed.moved = true;
      if (grabbed.moved) state.show(grabbed.from - (moved / (canvas.clientWidth - GUTTER)) * state.width, state.width);
    });
    canvas.addEventListener("pointerup", (event) => { if (grabbed && !grabbed.moved) this.pick(event); grabbed = null; });
    canvas.addEventListener("dblclick", (event) => state.zoom(0.5, this.tickAt(event)));
  }

  tickAt(event) { return this.state.from + ((event.offsetX - GUTTER) / (this.canvas.clientWidth - GUTTER)) * this.state.width; }

  // The nearest frame to a click, in the lane that was meant.
  pick(event) {
    const { session } = this, tick = this.tickAt(event), y = event.offsetY;
    const lane = y >= LANES.client && y < LANES.note ? CLIENT : y >= LANES.note && y < LANES.server ? NOTE : y >= LANES.server && y < LANES.serverWave ? SERVER : null;
    let best = -1, far = Infinity;
    const reach = (8 / (this.canvas.clientWidth - GUTTER)) * this.state.width;
    const last = session.from(tick + reach + 1);
    for (let frame = session.from(tick - reach); frame < last; frame++) {
      if (lane !== null && session.lane[frame] !== lane) continue;
      const away = Math.abs(session.at[frame] - tick);
      if (away < far) { far = away; best = frame; }
    }
    if (best < 0) best = Math.min(session.count - 1, session.from(tick));
    if (best >= 0) this.choose(session, best);
  }

  draw() {
    const { canvas, session, state } = this, ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.setAttribute("aria-label", `Session ${session.number}: ${session.count} frames, ${session.bars.length} replies, shown from ${secondsOf(state.from)} to ${secondsOf(state.from + state.width)} s`);
    const place = canvas.getBoundingClientRect();
    if (!width || place.bottom < 0 || place.top > innerHeight) return; // nobody sees it
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) { canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); }
    const g = canvas.getContext("2d"), c = colours(), scale = (width - GUTTER) / state.width, x = (tick) => GUTTER + (tick - state.from) * scale;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.fillStyle = c.back; g.fillRect(0, 0, width, height);
    g.font = "11px system-ui, sans-serif"; g.textBaseline = "top";
    this.ruler(g, c, x, width, height);
    this.bars(g, c, x, width);
    this.wave(g, c, x, width, session.tracks.find((one) => one.side === "client"), LANES.clientWave, c.client);
    this.wave(g, c, x, width, session.tracks.find((one) => one.side === "server"), LANES.serverWave, c.server);
    this.words(g, c, x, width, "client", LANES.clientWords);
    this.words(g, c, x, width, "server", LANES.serverWords);
    this.transcripts(g, c, x, width);
    this.ticks(g, c, x, width, scale);
    this.labels(g, c, height);
    if (this.cursor !== null) { g.fillStyle = c.bad; g.fillRect(x(this.cursor), 0, 2, height); }
  }

  ruler(g, c, x, width, height) {
    const { state, session } = this;
    const raw = (state.width / TICKS / Math.max(2, width / 110)), power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((one) => one * power >= raw);
    g.fillStyle = c.dim;
    for (let at = Math.ceil(Math.max(0, state.from) / TICKS / step) * step; at <= (state.from + state.width) / TICKS; at += step) {
      const place = x(at * TICKS);
      g.fillStyle = c.line; g.fillRect(place, 0, 1, height);
      g.fillStyle = c.dim; g.fillText(session.timed ? `${+at.toFixed(4)} s` : "order only", place + 3, LANES.ruler + 2);
    }
  }

  // The names of the lanes, over whatever reaches into their place.
  labels(g, c, height) {
    g.fillStyle = c.back; g.fillRect(0, 0, GUTTER - 6, height);
    g.fillStyle = c.dim;
    for (const [text, top] of [["replies", LANES.bars + 5], ["client audio", LANES.clientWave + 10], ["client", LANES.client + 1], ["faults, notes", LANES.note], ["server", LANES.server + 2], ["server audio", LANES.serverWave + 10]]) g.fillText(text, 3, top);
  }

  bars(g, c, x, width) {
    const all = this.session.bars;
    all.forEach(([id, begin, end, status, said], number) => {
      const left = x(begin), right = Math.max(left + 3, end === null ? width : x(end));
      if (right < 0 || left > width) return;
      const bad = !["completed", "in progress", "over"].includes(status);
      g.fillStyle = c.soft; g.fillRect(left, LANES.bars, right - left, 20);
      g.strokeStyle = bad ? c.bad : c.server; g.lineWidth = 1.5; g.setLineDash(bad ? [4, 3] : []);
      g.strokeRect(left + 0.5, LANES.bars + 0.5, right - left - 1, 19); g.setLineDash([]);
      // The words of a short reply may go on up to the next one.
      const next = number + 1 < all.length ? x(all[number + 1][1]) : width, room = Math.max(right, next >= right ? next - 4 : right) - left - 8;
      this.clipped(g, c.fore, `${status}: ${said || id}`, left + 4, LANES.bars + 4, room);
    });
  }

  clipped(g, colour, text, left, top, room) {
    if (room < 14) return;
    const start = Math.max(left, 2);
    room -= start - left;
    if (room < 14) return;
    g.save(); g.beginPath(); g.rect(start, top - 2, room, 18); g.clip();
    g.fillStyle = colour; g.fillText(text.slice(0, 400), start, top); g.restore();
  }

  wave(g, c, x, width, track, top, colour) {
    if (!track || !track.rate) return;
    const step = (track.rate * track.peak_ms) / 1000; // samples of one peak
    g.fillStyle = colour;
    for (const [at, offset, size] of track.clips) {
      const left = Math.max(GUTTER, x(at)), right = Math.min(width, x(at + (size / track.rate) * TICKS));
      if (right < 0 || left > width || right - left < 0.2) continue;
      const perPixel = (this.state.width / (width - GUTTER)) * (track.rate / TICKS);
      for (let place = Math.floor(left); place < right; place++) {
        const begin = offset + Math.max(0, ((place - x(at)) * perPixel)), first = Math.floor(begin / step);
        const last = Math.min(track.peaks.length, Math.max(first + 1, Math.ceil((begin + perPixel) / step)));
        let peak = 0;
        for (let one = first; one < last; one++) if (track.peaks[one] > peak) peak = track.peaks[one];
        const tall = Math.max(1, (peak / 255) * 32);
        g.fillRect(place, top + 16 - tall / 2, 1, tall);
      }
    }
  }

  words(g, c, x, width, side, top) {
    const track = this.session.tracks.find((one) => one.side === side);
    for (const [begin, end, text] of track ? track.words : []) {
      const left = x(begin), right = x(end);
      if (right >= 0 && left <= width) this.clipped(g, c.fore, text, left, top, Math.max(right - left + 6, 0));
    }
  }

  transcripts(g, c, x, width) {
    const all = this.session.heard;
    let until = -1;
    all.forEach(([at, words], number) => {
      const left = x(at), next = number + 1 < all.length ? x(all[number + 1][0]) : width;
      if (left < until || left > width) return;
      const room = Math.max(260, next - left - 8); // up to the next one
      this.clipped(g, c.client, `heard: ${words}`, left, LANES.heard, room);
      until = left + Math.min(room, 8 * words.length + 50);
    });
  }

  ticks(g, c, x, width, scale) {
    const { session, state } = this, last = session.from(state.from + state.width + 1), first = session.from(state.from);
    const tops = [LANES.client, LANES.server, LANES.note], paints = [c.client, c.server, c.note];
    if (last - first > 3 * (width - GUTTER)) { // too many to tell apart: how many there are in each pixel
      const counts = [new Uint16Array(width + 1), new Uint16Array(width + 1), new Uint16Array(width + 1)];
      for (let frame = first; frame < last; frame++) counts[session.lane[frame]][Math.min(width, Math.max(0, Math.floor(x(session.at[frame]))))]++;
      counts.forEach((column, lane) => { g.fillStyle = paints[lane]; column.forEach((count, place) => { if (count) g.fillRect(place, tops[lane] + 12 - Math.min(12, 3 + Math.log2(count) * 2), 1, Math.min(12, 3 + Math.log2(count) * 2)); }); });
    } else {
      for (const lane of [CLIENT, SERVER]) {
        g.beginPath();
        for (let frame = first; frame < last; frame++) if (session.lane[frame] === lane) SHAPES[lane === CLIENT ? "client" : "server"](g, x(session.at[frame]), tops[lane]);
        g.fillStyle = paints[lane]; g.fill();
      }
      g.strokeStyle = c.note; g.lineWidth = 2; g.beginPath();
      for (let frame = first; frame < last; frame++) if (session.lane[frame] === NOTE) { const at = x(session.at[frame]), y = LANES.note + 2; g.moveTo(at - 4, y); g.lineTo(at + 4, y + 8); g.moveTo(at + 4, y); g.lineTo(at - 4, y + 8); }
      g.stroke();
    }
    if (state.chosen && state.chosen.session === session) {
      const at = x(session.at[state.chosen.frame]);
      g.strokeStyle = c.fore; g.lineWidth = 1.5; g.strokeRect(at - 6, tops[session.lane[state.chosen.frame]] - 1, 12, 16);
    }
  }
}
