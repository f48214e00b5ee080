// A running server: its sessions as they go on, and its faults. The token stands in the address behind "#", which no
// server and no log ever sees.
const TOKEN = new URLSearchParams(location.hash.slice(1)).get("token");

const MOST_SESSIONS = 32;

async function asked_of(path, options = {}) {
  const headers = { ...(options.headers || {}), ...(TOKEN ? { Authorization: `Bearer ${TOKEN}` } : {}) };
  const answer = await fetch(`/__mockserver__/${path}`, { ...options, headers, cache: "no-store" });
  const body = await answer.json();
  if (!answer.ok) throw new Error((body.error && body.error.message) || `status ${answer.status}`);
  return body;
}

function follow(column) {
  const box = byId("live"), status = element("p", "connecting ..."), count = element("p", "", "dim"), trouble = element("p", "", "bad"), faults = element("ul"), sessions = element("ul"), form = element("form"), field = element("input"), add_ = element("button", "Set fault");
  box.hidden = false;
  status.setAttribute("role", "status");
  field.placeholder = "delay 11s on EVENT";
  field.setAttribute("aria-label", "A fault, as on the command line");
  field.id = "fault";
  add_.type = "submit";
  form.append(element("span", "--fault"), field, add_);
  trouble.setAttribute("role", "alert");
  box.append(status, count, trouble, form, faults, sessions);
  const known = new Map(), heard = new Set();
  const said = (error) => { trouble.textContent = plain(error.message); };

  // A list that is made anew takes the keyboard's focus, and a click that has begun: so only where something is new.
  const shown = new Map();
  function renewed(box, told) {
    const text = JSON.stringify(told), same = shown.get(box) === text;
    shown.set(box, text);
    return !same;
  }
  function put(box, lines) {
    const label = box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    box.replaceChildren(...lines);
    if (label !== null) (box.querySelector(`[data-key="${CSS.escape(label)}"]`) || field).focus();
  }

  async function showFaults() {
    const { faults: set } = await asked_of("faults");
    if (!renewed(faults, set)) return;
    put(faults, set.map((one) => {
      const line = element("li"), away = element("button", "Remove");
      away.type = "button";
      away.setAttribute("aria-label", `Remove ${one.spec}`);
      away.addEventListener("click", () => asked_of(`faults/${one.id}`, { method: "DELETE" }).then(showFaults).catch(said));
      away.dataset.key = one.id;
      line.append(element("code", `--fault "${one.spec}"`), element("span", one.fired ? `fired ${one.fired}x` : "not fired", "dim"), away);
      return line;
    }));
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const body = JSON.stringify({ spec: field.value });
    asked_of("faults", { method: "POST", body, headers: { "Content-Type": "application/json" } }).then(() => { field.value = ""; trouble.textContent = ""; return showFaults(); }).catch(said);
  });

  function showSessions(told) {
    const all = told.filter((one) => !one.ended).map(({ session, paused }) => ({ session, paused })), running = all.slice(-MOST_SESSIONS);
    if (!renewed(sessions, running)) return;
    put(sessions, running.map((one) => {
      const line = element("li"), hold = element("button", one.paused ? "Go on" : "Pause");
      hold.type = "button";
      hold.dataset.key = one.session;
      hold.setAttribute("aria-label", `${hold.textContent}: session ${one.session}`);
      hold.addEventListener("click", () => asked_of(`sessions/${one.session}/${one.paused ? "resume" : "pause"}`, { method: "POST" }).catch(said));
      line.append(element("span", `session ${one.session} is running${one.paused ? ", paused" : ""}`), hold);
      return line;
    }));
  }

  // A server may have had thousands of sessions: the page keeps the last ones, and the one that is looked at.
  function forget() {
    for (const [number, session] of known) {
      if (known.size <= MOST_SESSIONS) return;
      if (session === list.session) continue;
      const place = timelines.findIndex((one) => one.session === session);
      timelines[place].canvas.closest(".session").remove();
      timelines.splice(place, 1);
      known.delete(number);
    }
  }

  async function go() {
    let since = 0;
    for (;;) {
      try {
        const body = await asked_of(`scene?since=${since}&wait_ms=20000`);
        since = body.next;
        for (const { session, line } of body.lines) {
          if (!known.has(session)) known.set(session, add(new LiveSession(session, 0), column).session);
          known.get(session).add(line);
        }
        forget();
        for (const one of body.sessions) {
          const session = known.get(one.session);
          if (!session) continue;
          if (one.bars) Object.assign(session, { bars: one.bars, heard: one.heard }); // only where something is new
          if (one.tracks) session.tracks = one.tracks.map((track) => ({ ...track, peaks: bytesOf(track.peaks) }));
          grow(session);
        }
        for (const { session } of body.lines) heard.add(session);
        const many = `${heard.size} session${heard.size === 1 ? "" : "s"}${heard.size > known.size ? `, the last ${known.size} shown` : ""}`;
        if (status.textContent !== many) status.textContent = many; // what is read out: not every frame
        count.textContent = `${body.next} entries`;
        showSessions(body.sessions);
        if (!list.session && known.size) choose([...known.values()][0], 0);
        if (list.session && list.session.shown) await filter(); else { list.draw(); counted(); }
        state.show(state.from, state.width);
        showFaults();
        document.body.dataset.since = String(since);
      } catch (error) {
        said(error);
        await new Promise((done) => setTimeout(done, 1000));
      }
    }
  }
  showFaults().catch(said);
  go();
}
