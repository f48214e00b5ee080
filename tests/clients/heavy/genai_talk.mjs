// @google/genai: a session of `ai.live`, spoken to. After goAway the next connection goes on from the last handle.
import { GoogleGenAI, Modality } from "@google/genai";
import { Line, main } from "./talk.mjs";

const ai = new GoogleGenAI({ apiKey: "any", httpOptions: { baseUrl: process.env.MOCKSERVER_BASE_URL } });

await main(async (provider, folder) => {
  const line = new Line(folder, { spoken: 16000 });
  let session, handle, warned;

  function take(message) {
    const content = message.serverContent;
    handle = message.sessionResumptionUpdate?.newHandle ?? handle;
    if (message.goAway) {
      line.told.push(`goAway: ${message.goAway.timeLeft}`);
      warned = true;
    }
    for (const part of content?.modelTurn?.parts ?? []) if (part.inlineData) line.hear(Buffer.from(part.inlineData.data, "base64"));
    line.read(content?.outputTranscription?.text ?? "");
    if (content?.interrupted) line.interrupted = true;
    if (message.toolCall) {
      session.sendToolResponse({
        functionResponses: message.toolCall.functionCalls.map(({ id, name, args }) => ({ id, name, response: { output: line.called(name, args) } })),
      });
    }
    if (content?.turnComplete) line.end();
  }

  async function connect() {
    warned = false;
    session = await ai.live.connect({
      model: "gemini-3.1-flash-live-preview",
      config: {
        responseModalities: [Modality.AUDIO],
        outputAudioTranscription: {},
        sessionResumption: { handle },
        tools: [{ functionDeclarations: [{ name: "get_weather" }] }],
      },
      callbacks: {
        onmessage: take,
        onerror: (error) => line.over(`error: ${error.message}`),
        onclose: ({ code, reason }) => {
          if (!warned) return line.over(`closed ${code} ${reason}`);
          line.told.push(`closed ${code} ${reason}`);
          connect();
        },
      },
    });
  }

  await connect();
  line.microphone((pcm) => {
    session.sendRealtimeInput({ audio: { data: pcm.toString("base64"), mimeType: "audio/pcm;rate=16000" } });
  });
  return { line, close: () => session.close() };
});
