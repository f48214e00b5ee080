// A turn, a tool round and an interruption of @google/genai; one line of JSON with what it saw.
//   node gemini.mjs http://127.0.0.1:PORT
import { GoogleGenAI, Modality } from "@google/genai";

const [baseUrl] = process.argv.slice(2);
const ai = new GoogleGenAI({ apiKey: "any", httpOptions: { baseUrl } });
const messages = [];
let wake = () => {};
let closed = null;
const take = (message) => { messages.push(message); wake(); };
const session = await ai.live.connect({
  model: "gemini-2.5-flash-native-audio-preview-12-2025",
  config: {
    responseModalities: [Modality.AUDIO],
    outputAudioTranscription: {},
    tools: [{ functionDeclarations: [{ name: "get_weather" }] }],
  },
  callbacks: { onmessage: take, onerror: (error) => take({ error: String(error) }), onclose: (event) => { closed = event; wake(); } },
});

async function turn(onAudio = () => {}) {
  const seen = { said: "", calls: [], interrupted: false, bytes: 0 };
  for (;;) {
    while (messages.length === 0) {
      if (closed) return { ...seen, closed: [closed.code, closed.reason] };
      await new Promise((resolve) => { wake = resolve; });
    }
    const { serverContent: content, toolCall, error } = messages.shift();
    if (error) throw new Error(error);
    seen.said += content?.outputTranscription?.text ?? "";
    seen.interrupted ||= content?.interrupted ?? false;
    for (const part of content?.modelTurn?.parts ?? []) {
      if (part.inlineData) {
        seen.bytes += Buffer.from(part.inlineData.data, "base64").length;
        onAudio();
        onAudio = () => {};
      }
    }
    if (toolCall) {
      seen.calls.push(...toolCall.functionCalls.map(({ name, args }) => ({ name, args })));
      session.sendToolResponse({
        functionResponses: toolCall.functionCalls.map(({ id, name }) => ({ id, name, response: { output: "foggy" } })),
      });
    }
    if (content?.turnComplete) return seen;
  }
}

const ask = (text) => session.sendClientContent({ turns: [{ role: "user", parts: [{ text }] }], turnComplete: true });
ask("good morning");
const plain = await turn();
ask("how is the weather");
const tool = await turn();
ask("count for me");
const cut = await turn(() => ask("stop"));
const after = await turn();
console.log(JSON.stringify({ plain, tool, cut, after }));
session.close();
