// A turn, a tool round and a spoken interruption of @openai/agents-realtime; one line of JSON with what it saw.
//   node agents.mjs ws://127.0.0.1:PORT/v1/realtime?model=gpt-realtime FILE     FILE holds the interrupting speech: PCM16 at 24 kHz
import { readFileSync } from "node:fs";
import { RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { z } from "zod";

const [url, file] = process.argv.slice(2);
const speech = readFileSync(file);
const CHUNK = 4800; // 100 ms
const HEARD = 48000; // a second of the reply, then the user speaks
const calls = [];
const weather = tool({
  name: "get_weather",
  description: "The weather in a city.",
  parameters: z.object({ city: z.string() }),
  execute: async (args) => { calls.push({ name: "get_weather", args }); return "foggy"; },
});
const session = new RealtimeSession(new RealtimeAgent({ name: "A", instructions: "Be brief.", tools: [weather] }), {
  transport: "websocket",
  model: "gpt-realtime",
  tracingDisabled: true,
  config: { audio: { input: { turnDetection: { type: "server_vad" } } } },
});

let seen, finished, onAudio;
// What the session itself hands out: audio to play, and that the user has cut it short.
session.on("audio", ({ data }) => {
  seen.pieces.push(Buffer.from(data));
  if (Buffer.concat(seen.pieces).length < HEARD) return;
  onAudio();
  onAudio = () => {};
});
session.on("audio_interrupted", () => { seen.interrupted = true; });
session.on("error", (error) => { finished.reject(new Error(JSON.stringify(error))); });
session.transport.on("connection_change", (state) => { if (state === "disconnected") finished.resolve(); });
session.transport.on("*", (event) => {
  if (event.type === "response.output_audio_transcript.delta") seen.said += event.delta;
  if (event.type === "response.done") {
    seen.statuses.push(event.response.status);
    if (event.response.output.every((item) => item.type !== "function_call")) finished.resolve();
  }
});

/** What there is from `begin` to the end of a reply that is no call of a tool. */
async function turn(begin = () => {}, whenHeard = () => {}) {
  seen = { said: "", pieces: [], interrupted: false, statuses: [] };
  onAudio = whenHeard;
  const end = new Promise((resolve, reject) => { finished = { resolve, reject }; });
  begin();
  await end;
  const { pieces, ...rest } = seen;
  return { ...rest, audio: Buffer.concat(pieces).toString("base64") };
}

async function speak() {
  for (let at = 0; at < speech.length; at += CHUNK) {
    session.sendAudio(new Uint8Array(speech.subarray(at, at + CHUNK)).buffer);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

seen = { said: "", pieces: [], interrupted: false, statuses: [] };
finished = { resolve() {}, reject(error) { throw error; } };
await session.connect({ apiKey: "any", url });
const plain = await turn(() => session.sendMessage("good morning"));
const tooled = await turn(() => session.sendMessage("how is the weather"));
const cut = await turn(() => session.sendMessage("count for me"), speak);
const after = await turn();
const history = session.history.filter((item) => item.type === "message").map((item) => [item.role, item.content.map((part) => part.text ?? part.transcript).join("")]);
session.close();
console.log(JSON.stringify({ plain, tool: tooled, calls, cut, after, history }));
