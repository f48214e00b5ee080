// @aws-sdk/client-bedrock-runtime: a turn, a tool round, a barge-in and an end with a simulated Nova Sonic.
// node bedrock.mjs DIR: DIR has morning.pcm, weather.pcm, story.pcm and stop.pcm, PCM16 at 16 kHz. Prints what was seen.
import { readFileSync } from "node:fs";
import { BedrockRuntimeClient, InvokeModelWithBidirectionalStreamCommand } from "@aws-sdk/client-bedrock-runtime";

const folder = process.argv[2];
const event = (name, body) => ({ chunk: { bytes: Buffer.from(JSON.stringify({ event: { [name]: body } })) } });
const ids = { promptName: "p" };
const queue = [];
let wake = () => {}, closed = false;
const say = (name, body) => { queue.push(event(name, body)); wake(); };
async function* input() {
  while (!closed || queue.length) {
    if (queue.length) yield queue.shift();
    else await new Promise((resolve) => { wake = resolve; });
  }
}

const seen = { user: [], said: [], interrupted: 0, tools: [], audio: "", last: "", failure: "" };
const audio = [];
let turns = 0, look = () => {};
const until = async (so) => { while (!so() && !seen.ended) await new Promise((resolve) => { look = resolve; }); };
const speak = (name) => {
  const pcm = readFileSync(`${folder}/${name}.pcm`);
  for (let place = 0; place < pcm.length; place += 1024)
    say("audioInput", { ...ids, contentName: "audio", content: pcm.subarray(place, place + 1024).toString("base64") });
};
const block = (contentName, piece, content, start) => {
  say("contentStart", { ...ids, contentName, ...start });
  say(piece, { ...ids, contentName, content });
  say("contentEnd", { ...ids, contentName });
};

const command = new InvokeModelWithBidirectionalStreamCommand({ modelId: "amazon.nova-2-sonic-v1:0", body: input() });
const tool = { toolSpec: { name: "weather", description: "", inputSchema: { json: '{"type":"object"}' } } };
say("sessionStart", { inferenceConfiguration: { maxTokens: 1024, topP: 0.9, temperature: 0.7 } });
say("promptStart", { ...ids, toolConfiguration: { tools: [tool] } });
block("system", "textInput", "Be brief.", { type: "TEXT", role: "SYSTEM" });
say("contentStart", { ...ids, contentName: "audio", type: "AUDIO", role: "USER", interactive: true });
// send() waits for the first event, which comes only when the user has spoken (nova_sonic.md#65).
speak("morning");
const { body } = await new BedrockRuntimeClient({}).send(command);

const reading = (async () => {
  try {
    for await (const part of body) {
      const [name, told] = Object.entries(JSON.parse(Buffer.from(part.chunk.bytes)).event)[0];
      seen.last = name;
      if (name === "textOutput") {
        (told.role === "USER" ? seen.user : seen.said).push(told.content);
        if (told.content === '{ "interrupted" : true }') seen.interrupted += 1;
      } else if (name === "audioOutput") audio.push(Buffer.from(told.content, "base64"));
      else if (name === "toolUse") {
        seen.tools.push([told.toolName, JSON.parse(told.content)]);
        const configuration = { toolUseId: told.toolUseId, type: "TEXT" };
        block("tool", "toolResult", '{"sky":"fog"}', { type: "TOOL", role: "TOOL", toolResultInputConfiguration: configuration });
      } else if (name === "contentEnd" && told.type === "TEXT" && told.stopReason === "END_TURN") turns += 1;
      look();
    }
  } catch (error) {
    seen.failure = `${error.name}: ${error.message}`;
  }
  seen.ended = true;
  look();
})();

await until(() => turns >= 1);
speak("weather");
await until(() => turns >= 2);
const before = audio.length;
speak("story");
await until(() => audio.length > before);
speak("stop");
await until(() => turns >= 3);
say("contentEnd", { ...ids, contentName: "audio" });
say("promptEnd", ids);
say("sessionEnd", {});
closed = true;
wake();
await reading;
seen.audio = Buffer.concat(audio).toString("base64");
process.stdout.write(JSON.stringify(seen) + "\n", () => process.exit(0));
