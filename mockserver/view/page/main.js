// Puts the page together.
const DATA = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
// A file's page has its texts made plain; on a live page a fault's line or an error may hold anything.
const plain = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`).slice(0, 2000);
const element = (name, text, kind) => { const made = document.createElement(name); if (text !== undefined) made.textContent = plain(text); if (kind) made.className = kind; return made; };

const state = {
  from: 0, width: TICKS, all: TICKS, chosen: null,
  show(from, width) { this.width = Math.min(Math.max(width, 20), this.all * 1.02); this.from = Math.min(Math.max(from, -0.01 * this.all), Math.max(0, this.all * 1.01 - this.width)); redraw(); },
  zoom(factor, around = this.from + this.width / 2) { this.show(around - (around - this.from) * factor, this.width * factor); },
  move(share) { this.show(this.from + share * this.width, this.width); },
};
const timelines = [];
let waiting = false;
function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; for (const one of timelines) one.draw(); });
}

const list = new FrameList(state, choose);

function choose(session, frame, zoomed = false) {
  state.chosen = { session, frame };
  list.of(session);
  list.reveal(frame);
  const place = timelines.findIndex((one) => one.session === session);
  for (const one of timelines) one.canvas.closest(".session").classList.toggle("chosen", one.session === session);
  const at = session.at[frame];
  if (at < state.from || at > state.from + state.width || zoomed) state.show(at - state.width / 2, state.width);
  redraw();
  counted();
  // The address names the frame, so that it can be sent to somebody. A live page's address holds its token.
  if (!DATA.live) history.replaceState(null, "", `#${place}-${frame}`);
  session.textOf(frame).then(([, text]) => {
    if (state.chosen.session !== session || state.chosen.frame !== frame) return;
    const before = frame && session.timed ? `, ${secondsOf(at - session.at[frame - 1])} s after the one before` : "";
    byId("one-title").textContent = `${session.nameOf(frame)}, ${["from the client", "from the server", "note"][session.lane[frame]]}, frame ${frame}${session.timed ? `, ${secondsOf(at)} s` : ""}${before}`;
    byId("one-text").textContent = text;
    beside(session, frame, text);
  });
}

// Of two recordings: what the other one has in the place of a frame that differs, the lines that differ marked in both.
async function beside(session, frame, text) {
  const side = session.source, pair = DATA.differences.find((one) => one.connection === session.number && one.frames[side] === frame - 2 && one.frames[1 - side] !== null);
  const twin = pair && timelines.map((one) => one.session).find((one) => one.source !== side && one.number === session.number);
  byId("other").hidden = !twin;
  if (!twin) return;
  const place = pair.frames[1 - side] + 2, told = (await twin.textOf(place))[1];
  if (state.chosen.session !== session || state.chosen.frame !== frame) return;
  byId("other-title").textContent = `${DATA.sources[1 - side].title}: ${twin.nameOf(place)}, frame ${place}${twin.timed ? `, ${secondsOf(twin.at[place])} s` : ""}`;
  marked(byId("one-text"), text, told);
  marked(byId("other-text"), told, text);
}

function marked(box, text, other) {
  const same = new Set(other.split("\n").slice(0, 5000));
  box.replaceChildren(...text.split("\n").slice(0, 5000).map((line) => { const made = document.createElement(same.has(line) ? "span" : "mark"); made.textContent = `${line}\n`; return made; }));
}

function counted() {
  const session = list.session;
  if (session) byId("count").textContent = `Session ${session.number}${session.title ? ` (${session.title})` : ""}: ${list.size} of ${session.count} frames`;
}

// The next frame, in one direction, that tells of a fault, an error or a failure.
function trouble(step) {
  const { session, frame } = state.chosen || {};
  if (!session) return;
  const marks = (at) => session.lane[at] === NOTE ? !/^session$/.test(session.nameOf(at)) : /^(error|lost|close 1(?!000))|[._]error/.test(session.nameOf(at));
  for (let at = frame + step; at >= 0 && at < session.count; at += step) if (marks(at)) return choose(session, at);
}

// What is looked at first: the frame that the address names, else where a test failed, else the first fault.
function first() {
  const named = /^#(\d+)-(\d+)$/.exec(location.hash), one = named && timelines[named[1]];
  if (one && Number(named[2]) < one.session.count) return [one.session, Number(named[2])];
  for (const { session } of [...timelines].reverse()) if (DATA.report && session.nameOf(session.count - 1) === "failed") return [session, session.count - 1];
  for (const { session } of DATA.report ? timelines : []) for (let at = 0; at < session.count; at++) if (session.lane[at] === NOTE && session.nameOf(at) === "fault") return [session, at];
  return [timelines[0].session, 0];
}

let asked = 0;
async function filter() {
  const mine = ++asked, lanes = [byId("lane-client").checked, byId("lane-server").checked, byId("lane-note").checked];
  for (const one of timelines) {
    const found = await filtered(one.session, byId("filter").value, lanes, byId("no-audio").checked, () => mine === asked);
    if (mine !== asked) return;
    one.session.shown = found;
    if (one.session === list.session) { list.draw(); counted(); }
  }
  document.body.dataset.filtered = String(mine);
}

function add(session, into) {
  const box = element("div", undefined, "session");
  const heading = element(DATA.sources.length > 1 ? "h3" : "h2"), button = element("button", `Session ${session.number}`);
  button.type = "button";
  button.addEventListener("click", () => choose(session, 0));
  heading.append(button, " ", element("span", session.timed ? session.title : `${session.title} (only the order is known)`, "dim"));
  const timeline = new Timeline(session, state, choose);
  box.append(heading, timeline.canvas, soundsOf(session, timeline, redraw));
  into.append(box);
  timelines.push(timeline);
  grow(session);
  return timeline;
}

function grow(session) {
  const whole = state.width >= state.all * 0.99;
  state.all = Math.max(state.all, session.end);
  if (whole) { state.from = -0.005 * state.all; state.width = state.all * 1.01; }
}

function differences() {
  const box = byId("differences");
  if (DATA.sources.length < 2) return;
  box.hidden = false;
  const real = DATA.differences.filter((one) => !one.wait).length; // a wait that has changed is no difference
  const waits = DATA.differences.length - real;
  const told = real ? `${real} difference${real === 1 ? "" : "s"}` : "No difference: the same conversation";
  box.append(element("h2", waits ? `${told}; ${waits} wait${waits === 1 ? " has" : "s have"} changed` : told));
  const found = element("ol");
  for (const one of DATA.differences) {
    const line = element("li");
    line.append(`${one.where}: ${one.what} `);
    one.frames.forEach((frame, side) => {
      const session = timelines.map((timeline) => timeline.session).find((session) => session.source === side && session.number === one.connection);
      if (frame === null || !session) return;
      const button = element("button", side ? "right" : "left");
      button.type = "button";
      button.setAttribute("aria-label", `Show in ${DATA.sources[side].title}`);
      button.addEventListener("click", () => choose(session, frame + 2, true)); // behind the handshake and its answer
      line.append(button, " ");
    });
    found.append(line);
  }
  box.append(found);
}

function start() {
  DATA.sources.forEach((source, number) => {
    const column = element("div", undefined, "source");
    const facts = DATA.sources.length > 1 ? column.appendChild(element("div", undefined, "facts")) : byId("facts");
    if (DATA.sources.length > 1) facts.append(element("h2", source.title));
    for (const line of source.facts) facts.append(element("p", line));
    for (const session of source.sessions) add(new Session(session, number), column);
    byId("sessions").append(column);
  });
  if (DATA.report) { byId("report").textContent = DATA.report; byId("report").hidden = false; }
  differences();
  if (DATA.live) follow(byId("sessions").appendChild(element("div", undefined, "source")));
  if (timelines.length) choose(...first());
  // An address that is pasted where the page is open already.
  if (!DATA.live) addEventListener("hashchange", () => { if (timelines.length) choose(...first()); });
  state.show(state.from, state.width);
  document.body.dataset.ready = "yes";
}

byId("zoom-in").addEventListener("click", () => state.zoom(0.5));
byId("zoom-out").addEventListener("click", () => state.zoom(2));
byId("zoom-all").addEventListener("click", () => state.show(-0.005 * state.all, state.all * 1.01));
byId("filter").addEventListener("input", filter);
for (const name of ["lane-client", "lane-server", "lane-note", "no-audio"]) byId(name).addEventListener("change", filter);
byId("theme").addEventListener("click", () => {
  document.documentElement.className = isDark() ? "light" : "dark";
  themed();
  redraw();
});
function themed() { byId("theme").textContent = isDark() ? "Light" : "Dark"; }
function isDark() { return document.documentElement.classList.contains("dark") || (matchMedia("(prefers-color-scheme: dark)").matches && !document.documentElement.classList.contains("light")); }
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { themed(); redraw(); });
document.addEventListener("scroll", redraw, { passive: true });
window.addEventListener("resize", redraw);
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, audio, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const does = { "+": () => state.zoom(0.5), "=": () => state.zoom(0.5), "-": () => state.zoom(2), "0": () => byId("zoom-all").click(), ArrowLeft: () => state.move(-0.2), ArrowRight: () => state.move(0.2),
    n: () => trouble(1), p: () => trouble(-1), "/": () => byId("filter").focus(), " ": () => { const sound = document.querySelector("audio"); if (sound && !event.target.matches("button")) { sound.paused ? sound.play() : sound.pause(); } else return true; } }[event.key];
  if (does && !does()) event.preventDefault();
});
themed();
start();
