// @aws-sdk/client-bedrock-runtime: a bidirectional stream of Nova Sonic's, spoken to.
import { BedrockRuntimeClient, InvokeModelWithBidirectionalStreamCommand } from "@aws-sdk/client-bedrock-runtime";
import { Line, main } from "./talk.mjs";

const ids = { promptName: "p" };
const schema = JSON.stringify({ type: "object", properties: { city: { type: "string" } } });
const tool = { toolSpec: { name: "get_weather", description: "The weather.", inputSchema: { json: schema } } };
const text = { mediaType: "text/plain" };
const speech = { mediaType: "audio/lpcm", sampleSizeBits: 16, channelCount: 1, encoding: "base64", audioType: "SPEECH" };

await main(async (provider, folder) => {
  const line = new Line(folder, { spoken: 16000, loud: true });
  const queue = [];
  let wake = () => {}, closed = false, blocks = 0;

  function tell(name, body) {
    queue.push({ chunk: { bytes: Buffer.from(JSON.stringify({ event: { [name]: body } })) } });
    wake();
  }

  async function* input() {
    while (!closed || queue.length) {
      if (queue.length) yield queue.shift();
      else await new Promise((resolve) => { wake = resolve; });
    }
  }

  function block(piece, content, start) {
    const one = { ...ids, contentName: `block ${blocks++}` };
    tell("contentStart", { ...one, interactive: false, ...start });
    tell(piece, { ...one, content });
    tell("contentEnd", one);
  }

  function take(name, told) {
    if (name === "audioOutput") line.receive(Buffer.from(told.content, "base64"));
    else if (name === "textOutput" && told.role === "ASSISTANT") line.read(` ${told.content}`);
    else if (name === "toolUse") {
      const output = JSON.stringify(line.called(told.toolName, JSON.parse(told.content)));
      const configuration = { toolUseId: told.toolUseId, type: "TEXT", textInputConfiguration: text };
      block("toolResult", output, { type: "TOOL", role: "TOOL", toolResultInputConfiguration: configuration });
    } else if (name === "contentEnd" && told.type === "TEXT" && told.stopReason === "END_TURN") line.done();
    else if (name === "contentEnd" && told.stopReason === "INTERRUPTED") line.cut();
  }

  tell("sessionStart", { inferenceConfiguration: { maxTokens: 1024, topP: 0.9, temperature: 0.7 } });
  tell("promptStart", {
    ...ids,
    textOutputConfiguration: text,
    audioOutputConfiguration: { ...speech, sampleRateHertz: 24000, voiceId: "matthew" },
    toolUseOutputConfiguration: { mediaType: "application/json" },
    toolConfiguration: { tools: [tool] },
  });
  block("textInput", "Be brief.", { type: "TEXT", role: "SYSTEM", textInputConfiguration: text });
  const hearing = { ...speech, sampleRateHertz: 16000 };
  tell("contentStart", { ...ids, contentName: "audio", type: "AUDIO", role: "USER", interactive: true, audioInputConfiguration: hearing });
  line.microphone((pcm) => tell("audioInput", { ...ids, contentName: "audio", content: pcm.toString("base64") }));

  const modelId = "amazon.nova-2-sonic-v1:0";
  const command = new InvokeModelWithBidirectionalStreamCommand({ modelId, body: input() });
  // send() returns only when the first event has come, which is after the user has spoken (nova_sonic.md#65).
  const running = (async () => {
    try {
      const { body } = await new BedrockRuntimeClient({}).send(command);
      for await (const part of body) take(...Object.entries(JSON.parse(Buffer.from(part.chunk.bytes)).event)[0]);
      line.over("the stream has ended");
    } catch (error) {
      line.over(`${error.name}: ${error.message}`);
    }
  })();

  async function close() {
    if (line.told.length) return;
    tell("contentEnd", { ...ids, contentName: "audio" });
    tell("promptEnd", ids);
    tell("sessionEnd", {});
    closed = true;
    wake();
    await running;
    line.told.length = 0;
  }

  return { line, close };
});
