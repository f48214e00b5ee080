// @elevenlabs/client: a voice conversation. Its microphone and loudspeaker are a platform's; here they are the script's.
import { createConnection, VoiceConversation } from "@elevenlabs/client";
import { setSetupStrategy } from "@elevenlabs/client/internal";
import WebSocket from "ws";
import { Line, main } from "./talk.mjs";

globalThis.WebSocket ??= WebSocket; // Node has one of its own from 22 on

await main(async (provider, folder) => {
  const line = new Line(folder, { rate: 16000, spoken: 16000, gap: true });
  let waiting = Buffer.alloc(0);
  const device = {
    close: async () => {},
    setDevice: async () => {},
    setMuted: async () => {},
    isMuted: () => false,
    setVolume: () => {},
    getVolume: () => 0,
    getAnalyser: () => undefined,
    getByteFrequencyData: () => {},
  };
  const output = { ...device, interrupt: () => { waiting = Buffer.alloc(0); line.interrupted = line.size > 0; line.end(); } };
  setSetupStrategy(async (options) => {
    const connection = await createConnection(options);
    connection.addListener(({ audio_base_64 }) => { waiting = Buffer.concat([waiting, Buffer.from(audio_base_64, "base64")]); });
    line.microphone((pcm) => {
      connection.sendMessage({ user_audio_chunk: pcm.toString("base64") });
      // The loudspeaker plays in real time.
      const chunk = Buffer.alloc(3200);
      waiting.copy(chunk, 0, 0, 3200);
      waiting = waiting.subarray(3200);
      line.hear(chunk);
    });
    return { connection, input: device, output, playbackEventTarget: null, detach: async () => {} };
  });
  const conversation = await VoiceConversation.startSession({
    agentId: "agent_1",
    origin: process.env.MOCKSERVER_BASE_URL.replace(/^http/, "ws"),
    connectionType: "websocket",
    clientTools: { get_weather: (args) => line.called("get_weather", args) },
    onMessage: ({ message, source }) => { if (source === "ai") line.read(message); },
    onError: (message) => line.told.push(`error: ${message}`),
    onDisconnect: ({ reason, closeCode, closeReason }) => line.over(`${reason} ${closeCode} ${closeReason}`),
  });
  return { line, close: () => conversation.endSession() };
});
