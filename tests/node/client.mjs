// A test written in Node, in what Node has itself. It prints what it saw as one line of JSON; test_node.py judges it.
//
//     node client.mjs                        uses the server that OPENAI_BASE_URL names
//     node client.mjs COMMAND [ARGUMENT...]  starts the server itself and reads its ready line

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { Control } from "./control.mjs";
import { open } from "./socket.mjs";

const METADATA = { from: "node" };

async function ready(command) {
  if (!command.length) {
    const base = process.env.OPENAI_BASE_URL;
    return {
      ws_url: `${base.replace(/^http/, "ws")}/realtime`,
      control: new URL("/__mockserver__/", base).href,
      env: process.env,
    };
  }
  const server = spawn(command[0], command.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: server.stdout });
  const line = await new Promise((resolve, reject) => {
    lines.once("line", resolve);
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`the server ended with status ${code}`)));
  });
  return { ...JSON.parse(line), server };
}

/** One turn: what was said, and the metadata that response.created came back with. */
async function turn(socket) {
  const item = { type: "message", role: "user", content: [{ type: "input_text", text: "Grüße aus Oslo" }] };
  socket.send({ type: "conversation.item.create", item });
  socket.send({ type: "response.create", response: { metadata: METADATA } });
  const seen = { said: "", metadata: null, status: null };
  for (let event; (event = await socket.next()); ) {
    if (event.type === "error") throw new Error(event.error.message);
    if (event.type === "response.created") seen.metadata = event.response.metadata ?? null;
    if (event.type === "response.output_audio_transcript.done") seen.said = event.transcript;
    if (event.type === "response.done") return { ...seen, status: event.response.status };
  }
  throw new Error(`the connection is over: ${JSON.stringify(socket.closed)}`);
}

async function main(command) {
  const at = await ready(command);
  const control = new Control(at.control);
  const report = { version: process.version };

  report.wrongSpec = await control.setFault("dorp metadata on response.created");
  report.fault = await control.setFault("drop metadata on response.created");

  const socket = await open(`${at.ws_url}?model=gpt-realtime`, {
    Authorization: `Bearer ${at.env.OPENAI_API_KEY}`,
  });
  report.disturbed = await turn(socket);
  report.firedOnce = await control.get("faults");
  report.notes = await control.get("journal?kind=note&name=fault");

  report.removed = await control.removeFault(report.fault.id);
  report.control = await turn(socket);

  report.requests = await control.get("journal?sender=client&name=response.create");
  report.session = await control.get("sessions/0");
  // Asked for before it happens: the answer comes with the close, not after the 20 seconds.
  const closing = control.get("journal?kind=close&wait_ms=20000");
  socket.close();
  report.close = await closing;
  report.problems = await control.get("problems");
  report.state = await control.get("state");
  if (at.server) {
    at.server.removeAllListeners("exit");
    const status = new Promise((resolve) => at.server.once("exit", resolve));
    at.server.kill("SIGTERM");
    report.serverStatus = await status;
  }
  console.log(JSON.stringify(report));
}

await main(process.argv.slice(2));
