// @openai/agents-realtime: a RealtimeSession with a tool, spoken to.
import { RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { z } from "zod";
import { Line, main } from "./talk.mjs";

const MODELS = { openai: "gpt-realtime", azure: "gpt-realtime", xai: "grok-voice-latest" };

const turnDetection = { type: "server_vad" };

await main(async (provider, folder) => {
  const line = new Line(folder);
  const weather = tool({
    name: "get_weather",
    description: "The weather in a city.",
    parameters: z.object({ city: z.string() }),
    execute: async (args) => line.called("get_weather", args),
  });
  const session = new RealtimeSession(new RealtimeAgent({ name: "A", instructions: "Be brief.", tools: [weather] }), {
    transport: "websocket",
    model: MODELS[provider],
    tracingDisabled: true,
    // xAI has it at the top (xai.md#11).
    config: { audio: { input: { turnDetection } }, providerData: provider === "xai" ? { turn_detection: turnDetection } : {} },
  });
  // What the session itself hands out: audio to play, and that the user has cut it short.
  session.on("audio", ({ data }) => line.hear(Buffer.from(data)));
  session.on("audio_interrupted", () => { line.interrupted = true; });
  session.on("error", ({ error }) => line.over(`error: ${JSON.stringify(error)}`));
  session.transport.on("connection_change", (state) => { if (state === "disconnected") line.over("disconnected"); });
  session.transport.on("*", (event) => {
    if (event.type === "response.output_audio_transcript.delta") line.read(event.delta);
    if (event.type === "response.done") line.end();
  });
  await session.connect({ apiKey: "any", url: `${process.env.MOCKSERVER_WS_URL}?model=${MODELS[provider]}` });
  line.microphone((pcm) => {
    if (session.transport.status === "connected") session.sendAudio(new Uint8Array(pcm).buffer);
  });
  return { line, close: () => session.close() };
});
