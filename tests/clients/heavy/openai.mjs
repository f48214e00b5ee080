// A turn, a tool round and a spoken interruption of the openai package; one line of JSON with what it saw.
//   node openai.mjs FILE     FILE holds the interrupting speech: PCM16 at 24 kHz
// OPENAI_BASE_URL names the server. The package speaks wss only, so NODE_EXTRA_CA_CERTS says whom to trust.
import { readFileSync } from "node:fs";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

const speech = readFileSync(process.argv[2]);
const CHUNK = 4800; // 100 ms
const HEARD = 48000; // a second of the reply, then the user speaks
const events = [];
let wake = () => {};
const take = (event) => { events.push(event); wake(); };
const client = new OpenAIRealtimeWS({ model: "gpt-realtime" }, new OpenAI());
client.on("event", take);
// The package tells an error event twice: as itself and as an error.
client.on("error", (error) => take({ type: "failed", error: String(error) }));
client.socket.on("close", (code, reason) => take({ type: "closed", code, reason: String(reason) }));

async function turn(onAudio = () => {}) {
  const seen = { said: "", audio: "", calls: [], status: null, started: false };
  const pieces = [];
  for (;;) {
    while (events.length === 0) await new Promise((resolve) => { wake = resolve; });
    const event = events.shift();
    if (event.type === "failed") throw new Error(event.error);
    if (event.type === "closed") return { ...seen, closed: [event.code, event.reason] };
    if (event.type === "input_audio_buffer.speech_started") seen.started = true;
    if (event.type === "response.output_audio_transcript.delta") seen.said += event.delta;
    if (event.type === "response.output_audio.delta") {
      pieces.push(Buffer.from(event.delta, "base64"));
      if (Buffer.concat(pieces).length >= HEARD) {
        onAudio();
        onAudio = () => {};
      }
    }
    if (event.type === "response.output_item.done" && event.item.type === "function_call") {
      seen.calls.push({ name: event.item.name, args: JSON.parse(event.item.arguments), call_id: event.item.call_id });
    }
    if (event.type === "response.done") {
      return { ...seen, status: event.response.status, reason: event.response.status_details?.reason ?? null, audio: Buffer.concat(pieces).toString("base64") };
    }
  }
}

function ask(text) {
  client.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text }] } });
  client.send({ type: "response.create" });
}

async function speak() {
  for (let at = 0; at < speech.length; at += CHUNK) {
    client.send({ type: "input_audio_buffer.append", audio: speech.subarray(at, at + CHUNK).toString("base64") });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const format = { type: "audio/pcm", rate: 24000 };
const turn_detection = { type: "server_vad" };
client.socket.on("open", () => client.send({
  type: "session.update",
  session: {
    type: "realtime",
    audio: { input: { format, turn_detection }, output: { format } },
    tools: [{ type: "function", name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } }],
  },
}));
await new Promise((resolve) => client.socket.once("open", resolve));
ask("good morning");
const plain = await turn();
const seen = { plain };
if (!plain.closed) {
  ask("how is the weather");
  seen.tool = await turn();
  for (const { call_id } of seen.tool.calls) {
    client.send({ type: "conversation.item.create", item: { type: "function_call_output", call_id, output: "foggy" } });
  }
  client.send({ type: "response.create" });
  seen.answer = await turn();
  ask("count for me");
  seen.cut = await turn(speak);
  seen.after = await turn();
  client.close();
}
console.log(JSON.stringify(seen));
