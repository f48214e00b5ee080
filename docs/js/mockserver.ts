// Starts mockserver for a test, sets faults, reads what crossed the wire, and stops it. Copy this file beside your tests.
// It needs Node 18 or later and nothing else. mockserver.mjs is the same for plain JavaScript: `tsc` made it of this file.

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** One line of the journal: a handshake, a frame word for word, a close, or a note of what a fault did. */
export interface Entry {
  index: number;
  session: number;
  /** Microseconds since the session began. */
  at_us: number;
  sender: "client" | "server";
  kind: "handshake" | "answer" | "text" | "binary" | "close" | "lost" | "note";
  name: string;
  text?: string | null;
  code?: number | null;
  reason?: string | null;
  data?: Record<string, unknown> | null;
}

export interface Fault {
  id: number;
  spec: string;
  /** How often it struck. */
  fired: number;
}

export interface JournalFilter {
  since?: number;
  session?: number;
  sender?: "client" | "server";
  /** The event's name; `*` is a wildcard. */
  name?: string;
  kind?: Entry["kind"];
  limit?: number;
  /** Where nothing fits yet, wait so long for something that does. */
  wait_ms?: number;
}

interface Ready {
  ready: true;
  base_url: string;
  ws_url: string;
  port: number;
  env: Record<string, string>;
  control: string;
}

/** The control API of a server that runs, wherever it was started. */
export class Control {
  readonly url: string;
  private readonly token: string | undefined;

  /** `url` is the server's, with or without a path. `token` where the server was started with one. */
  constructor(url: string, token?: string) {
    this.url = new URL("/__mockserver__/", url).href;
    this.token = token;
  }

  /** Set a fault, such as "close 1011 on response.created". A wrong spec throws, and says where it is wrong. */
  addFault(spec: string): Promise<Fault> {
    return this.ask("POST", "faults", { spec });
  }

  async removeFault(fault: Fault | number): Promise<void> {
    await this.ask("DELETE", `faults/${typeof fault === "number" ? fault : fault.id}`);
  }

  async faults(): Promise<Fault[]> {
    return (await this.ask<{ faults: Fault[] }>("GET", "faults")).faults;
  }

  async removeFaults(): Promise<void> {
    await this.ask("DELETE", "faults");
  }

  /** What crossed the wire, in order. */
  async journal(filter: JournalFilter = {}): Promise<Entry[]> {
    const query = new URLSearchParams(Object.entries(filter).map(([name, value]) => [name, String(value)]));
    return (await this.ask<{ entries: Entry[] }>("GET", `journal?${query}`)).entries;
  }

  /** What a test should fail for: a client that departed from its recording, a fault that never fired. */
  async problems(): Promise<unknown[]> {
    return (await this.ask<{ problems: unknown[] }>("GET", "problems")).problems;
  }

  private async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    if (this.token) headers["Authorization"] = `Bearer ${this.token}`;
    const answer = await fetch(new URL(path, this.url), {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const given = (await answer.json()) as T & { error?: { message: string } };
    if (!answer.ok) throw new Error(given.error?.message ?? `${method} ${path}: ${answer.status}`);
    return given;
  }
}

/** A server that this process started. */
export class MockServer extends Control {
  /** What clients take as their base URL. */
  readonly baseUrl: string;
  readonly wsUrl: string;
  /** The variables that point clients here, such as OPENAI_BASE_URL. */
  readonly env: Record<string, string>;
  private readonly process: ChildProcess;
  private readonly ended: Promise<number | null>;
  private readonly said: () => string;

  private constructor(ready: Ready, process: ChildProcess, ended: Promise<number | null>, said: () => string) {
    super(ready.control);
    this.baseUrl = ready.base_url;
    this.wsUrl = ready.ws_url;
    this.env = ready.env;
    this.process = process;
    this.ended = ended;
    this.said = said;
  }

  /** Start `mockserver ...args` and wait until it is ready: `MockServer.start(["simulate", "openai"])`. */
  static async start(args: string[], command = "mockserver"): Promise<MockServer> {
    const process = spawn(command, [...args, "--json"], { stdio: ["ignore", "pipe", "pipe"] });
    let errors = "";
    process.stderr.on("data", (chunk: Buffer) => (errors += chunk));
    const ended = new Promise<number | null>((resolve) => process.once("close", (code) => resolve(code)));
    const lines = createInterface({ input: process.stdout });
    const line = await new Promise<string>((resolve, reject) => {
      lines.once("line", resolve);
      process.once("error", reject);
      void ended.then((code) => reject(new Error(`${command} ended with status ${code}: ${errors.trim()}`)));
    });
    return new MockServer(JSON.parse(line) as Ready, process, ended, () => errors);
  }

  /** Stop it. Throws where it has something against its clients (on Windows it cannot say so: ask `problems()` first). */
  async stop(): Promise<void> {
    this.process.kill("SIGTERM");
    const code = await this.ended;
    if (code) throw new Error(`mockserver ended with status ${code}: ${this.said().trim()}`);
  }
}
