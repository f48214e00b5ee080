// openai (Node): OpenAIRealtimeWS, spoken to. The package speaks wss only, so NODE_EXTRA_CA_CERTS says whom to trust.
import OpenAI, { AzureOpenAI } from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { Line, main } from "./talk.mjs";

const { MOCKSERVER_BASE_URL: baseURL, MOCKSERVER_URL: root } = process.env;
const tool = { type: "function", name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } };
const format = { type: "audio/pcm", rate: 24000 };
const turn_detection = { type: "server_vad" };
const SESSION = { type: "realtime", audio: { input: { format, turn_detection }, output: { format } }, tools: [tool] };
const XAI = { turn_detection, tools: [tool] }; // xAI has some of it at the top (xai.md#11)

async function connected(provider) {
  if (provider === "azure") {
    const options = { endpoint: root, apiKey: "any", apiVersion: "2025-04-01-preview", deployment: "my-deployment" };
    return OpenAIRealtimeWS.azure(new AzureOpenAI(options));
  }
  const model = provider === "xai" ? "grok-voice-latest" : "gpt-realtime";
  return new OpenAIRealtimeWS({ model }, new OpenAI({ baseURL, apiKey: "any" }));
}

await main(async (provider, folder) => {
  const line = new Line(folder);
  const client = await connected(provider);
  client.on("event", (event) => {
    if (event.type === "response.output_audio.delta") line.hear(Buffer.from(event.delta, "base64"));
    if (event.type === "response.output_audio_transcript.delta") line.read(event.delta);
    if (event.type === "response.output_item.done" && event.item.type === "function_call") {
      const output = line.called(event.item.name, JSON.parse(event.item.arguments));
      client.send({ type: "conversation.item.create", item: { type: "function_call_output", call_id: event.item.call_id, output } });
      client.send({ type: "response.create" });
    }
    if (event.type === "response.done") {
      line.interrupted = event.response.status === "cancelled";
      line.end();
    }
  });
  client.on("error", (error) => line.over(`error: ${error.message}`));
  client.socket.on("close", (code, reason) => line.over(`closed ${code} ${reason}`));
  await new Promise((resolve, reject) => {
    client.on("session.updated", resolve);
    client.on("error", reject);
    const begin = () => client.send({ type: "session.update", session: provider === "xai" ? XAI : SESSION });
    if (client.socket.readyState === 1) begin();
    else client.socket.on("open", begin);
  });
  line.microphone((pcm) => {
    if (client.socket.readyState === 1) client.send({ type: "input_audio_buffer.append", audio: pcm.toString("base64") });
  });
  return { line, close: () => client.close() };
});
