// Columns and blocks back into numbers and texts. Nothing here touches the document.
const CLIENT = 0, SERVER = 1, NOTE = 2;
const TICKS = 10000; // of a second

function bytesOf(text) {
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at++) out[at] = raw.charCodeAt(at);
  return out;
}

async function unpacked(text) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

class Session {
  constructor(told, source) {
    Object.assign(this, { source, number: told.number, title: told.title, timed: told.timed, names: told.names, kinds: told.kinds, bars: told.bars, heard: told.heard });
    this.count = told.count;
    this.at = new Uint32Array(bytesOf(told.at).buffer);
    this.lane = bytesOf(told.lane);
    this.kind = bytesOf(told.kind);
    this.name = new Uint16Array(bytesOf(told.name).buffer);
    this.block = told.block;
    this.packed = told.texts;
    this.blocks = new Map();
    this.tracks = told.tracks.map((one) => ({ ...one, peaks: bytesOf(one.peaks) }));
    this.shown = null; // the numbers of the frames that the filter lets by; null: all
  }

  get end() {
    let end = this.count ? this.at[this.count - 1] : 0;
    for (const track of this.tracks) for (const [at, , size] of track.clips) end = Math.max(end, at + (size * TICKS) / track.rate);
    return Math.max(end, 1);
  }

  nameOf(frame) { return this.names[this.name[frame]] || "?"; }

  // The texts of a block: [[summary, text], ...]. A page keeps few of them, for an hour has many.
  async texts(block) {
    const kept = this.blocks.get(block);
    if (kept) return kept;
    const made = await unpacked(this.packed[block]);
    if (this.blocks.size > 40) this.blocks.delete(this.blocks.keys().next().value);
    this.blocks.set(block, made);
    return made;
  }

  async textOf(frame) { return (await this.texts(Math.floor(frame / this.block)))[frame % this.block] || ["", ""]; }

  textNow(frame) {
    const kept = this.blocks.get(Math.floor(frame / this.block));
    return kept ? kept[frame % this.block] : null;
  }

  // The first frame at or after a time.
  from(tick) {
    let low = 0, high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at[middle] < tick) low = middle + 1; else high = middle;
    }
    return low;
  }
}

// A session that is still going on: its columns grow.
class LiveSession extends Session {
  constructor(number, source) {
    super({ number, title: "", timed: true, names: [], kinds: [], bars: [], heard: [], count: 0, at: "", lane: "", kind: "", name: "", block: 256, texts: [], tracks: [] }, source);
    this.room(1024);
    this.lines = [];
    this.known = new Map();
  }

  room(size) {
    const grown = (old, kind) => { const made = new kind(size); made.set(old); return made; };
    this.at = grown(this.at, Uint32Array);
    this.lane = grown(this.lane, Uint8Array);
    this.kind = grown(this.kind, Uint8Array);
    this.name = grown(this.name, Uint16Array);
  }

  add([at, lane, kind, name, summary, text]) {
    if (this.count === this.at.length) this.room(2 * this.count);
    if (!this.known.has(name)) { this.known.set(name, this.names.length); this.names.push(name); }
    if (!this.kinds.includes(kind)) this.kinds.push(kind);
    const place = this.count++;
    this.at[place] = at; this.lane[place] = lane; this.kind[place] = this.kinds.indexOf(kind); this.name[place] = this.known.get(name);
    this.lines.push([summary, text]);
  }

  async textOf(frame) { return this.lines[frame]; }
  textNow(frame) { return this.lines[frame]; }
  async texts(block) { return this.lines.slice(block * this.block, (block + 1) * this.block); }
}

function secondsOf(ticks) { return (ticks / TICKS).toFixed(3); }
