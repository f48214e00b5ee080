// What the Node scripts of this folder have in common: talk.py says what a script is told and what it prints.
import { readFileSync } from "node:fs";

const RATE = 24000;
const QUIET_MS = 15000;
const PAUSE_MS = 5000;
const BREATH_MS = 1000;
const GAP_MS = 500;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Over extends Error {}

/** A microphone that stays open from the user's first words on, and what came in of the utterance that is going on. */
export class Line {
  constructor(folder, { rate = RATE, spoken = RATE, gap = false, loud = false } = {}) {
    Object.assign(this, { folder, rate, spoken, gap, calls: [], told: [], interrupted: false, queue: [] });
    Object.assign(this, { waiting: Buffer.alloc(0), pcm: [], size: 0, text: "", last: 0, turns: [], wake: () => {} });
    if (loud) this.play();
  }

  /** Audio that comes faster than it plays: a loudspeaker plays it, and can be emptied. */
  receive(pcm) {
    const size = (this.rate / 10) * 2;
    for (let at = 0; at < pcm.length; at += size) this.queue.push(pcm.subarray(at, at + size));
  }

  done() { this.queue.push(null); }

  cut() {
    this.queue.length = 0;
    this.interrupted = this.size > 0;
    this.end();
  }

  async play() {
    for (;;) {
      const piece = this.queue.shift();
      if (piece === null) this.end();
      else if (piece) this.hear(piece);
      if (piece !== null) await sleep(piece ? piece.length / (2 * this.rate) * 1000 : 10);
    }
  }

  hear(pcm) {
    if (this.gap && !this.size && !pcm.some((byte) => byte)) return;
    this.pcm.push(Buffer.from(pcm));
    this.size += pcm.length;
    if (pcm.some((byte) => byte)) this.last = performance.now();
  }

  read(text) { this.text += text; }

  end() {
    if (this.size) {
      const audio = Buffer.concat(this.pcm).toString("base64");
      this.put({ said: this.text.trim(), audio, rate: this.rate, interrupted: this.interrupted });
    }
    Object.assign(this, { pcm: [], size: 0, text: "", interrupted: false });
  }

  over(why) { this.told.push(why); this.put(null); }

  called(name, args) { this.calls.push({ name, args }); return "foggy"; }

  put(turn) { this.turns.push(turn); this.wake(); }

  say(words) {
    this.open();
    this.waiting = Buffer.concat([this.waiting, readFileSync(`${this.folder}/${words}.${this.spoken}.pcm`)]);
  }

  async turn() {
    const until = performance.now() + QUIET_MS;
    while (!this.turns.length) {
      if (performance.now() > until) throw new Error("timeout");
      await Promise.race([new Promise((resolve) => { this.wake = resolve; }), sleep(100)]);
    }
    const found = this.turns.shift();
    if (found === null) throw new Over();
    return found;
  }

  async heard(seconds) {
    const until = performance.now() + QUIET_MS;
    while (this.size < 2 * this.rate * seconds) {
      if (performance.now() > until) throw new Error("timeout");
      await sleep(20);
    }
  }

  /** 100 ms each 100 ms. */
  microphone(send) {
    const size = (this.spoken / 10) * 2;
    let due;
    const tick = () => {
      const chunk = Buffer.alloc(size);
      this.waiting.copy(chunk, 0, 0, size);
      this.waiting = this.waiting.subarray(size);
      send(chunk);
      if (this.gap && this.size && performance.now() - this.last > GAP_MS) this.end();
      due += 100;
      this.timer = setTimeout(tick, Math.max(0, due - performance.now()));
    };
    this.open = () => {
      this.open = () => {};
      due = performance.now();
      tick();
    };
  }
}

/** Runs a script: `opened(provider, folder)` gives its line and how to close it. */
export async function main(opened) {
  const [provider, folder, ...steps] = process.argv.slice(2);
  const { line, close } = await opened(provider, folder);
  const seen = { calls: line.calls, told: line.told };
  let step;
  try {
    for (step of steps.length ? steps : ["turn", "tool", "barge_in"]) {
      if (step === "turn") {
        line.say("good morning");
        seen.turn = await line.turn();
      } else if (step === "tool") {
        await sleep(BREATH_MS);
        line.say("how is the weather");
        seen.tool = await line.turn();
      } else if (step === "barge_in") {
        await sleep(BREATH_MS);
        line.say("count for me");
        await line.heard(1);
        line.say("stop please");
        seen.cut = await line.turn();
        seen.after = await line.turn();
      } else if (step === "again") {
        line.say("stop please");
        seen.again = await line.turn();
      } else if (step === "pause") {
        await sleep(PAUSE_MS);
      } else if (step === "wait") {
        await line.turn();
      } else throw new Error(`no step ${step}`);
    }
  } catch (error) {
    if (error.message === "timeout") seen.timeout = step;
    else if (!(error instanceof Over)) throw error;
  }
  clearTimeout(line.timer);
  await close();
  // A pipe takes it piece by piece, and exit would not wait for that.
  process.stdout.write(JSON.stringify(seen) + "\n", () => process.exit(0));
}
