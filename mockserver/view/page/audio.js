// The sound of both sides, as audio elements, and where in the session they are.
function soundsOf(session, timeline, redraw) {
  const box = document.createElement("div");
  box.className = "sounds";
  for (const track of session.tracks) {
    if (!track.wav && !track.href) {
      if (track.unread) { const told = document.createElement("span"); told.className = "dim"; told.textContent = `${track.side}: ${track.unread} pieces of audio in an encoding that is not drawn`; box.append(told); }
      continue;
    }
    const label = document.createElement("label"), audio = document.createElement("audio");
    label.textContent = `${track.side} `;
    audio.controls = true;
    audio.preload = "metadata";
    audio.dataset.side = track.side;
    audio.setAttribute("aria-label", `Audio of the ${track.side}, session ${session.number}`);
    audio.src = track.wav ? URL.createObjectURL(new Blob([bytesOf(track.wav)], { type: "audio/wav" })) : track.href;
    audio.addEventListener("timeupdate", () => { timeline.cursor = tickOf(track, audio.currentTime); redraw(); });
    audio.addEventListener("ended", () => { timeline.cursor = null; redraw(); });
    label.append(audio);
    box.append(label);
  }
  return box;
}

// The file has the clips one after the other; the session has gaps between them.
function tickOf(track, seconds) {
  let sample = seconds * track.rate;
  for (const [at, , size] of track.clips) {
    if (sample <= size) return at + (sample / track.rate) * TICKS;
    sample -= size;
  }
  return null;
}
