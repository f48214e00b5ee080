// Starts mockserver for a test, sets faults, reads what crossed the wire, and stops it. Copy this file beside your tests.
// It needs Node 18 or later and nothing else. mockserver.mjs is the same for plain JavaScript: `tsc` made it of this file.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
/** The control API of a server that runs, wherever it was started. */
export class Control {
    url;
    token;
    /** `url` is the server's, with or without a path. `token` where the server was started with one. */
    constructor(url, token) {
        this.url = new URL("/__mockserver__/", url).href;
        this.token = token;
    }
    /** Set a fault, such as "close 1011 on response.created". A wrong spec throws, and says where it is wrong. */
    addFault(spec) {
        return this.ask("POST", "faults", { spec });
    }
    async removeFault(fault) {
        await this.ask("DELETE", `faults/${typeof fault === "number" ? fault : fault.id}`);
    }
    async faults() {
        return (await this.ask("GET", "faults")).faults;
    }
    async removeFaults() {
        await this.ask("DELETE", "faults");
    }
    /** What crossed the wire, in order. */
    async journal(filter = {}) {
        const query = new URLSearchParams(Object.entries(filter).map(([name, value]) => [name, String(value)]));
        return (await this.ask("GET", `journal?${query}`)).entries;
    }
    /** What a test should fail for: a client that departed from its recording, a fault that never fired. */
    async problems() {
        return (await this.ask("GET", "problems")).problems;
    }
    async ask(method, path, body) {
        const headers = { "Content-Type": "application/json" };
        if (this.token)
            headers["Authorization"] = `Bearer ${this.token}`;
        const answer = await fetch(new URL(path, this.url), {
            method,
            headers,
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        const given = (await answer.json());
        if (!answer.ok)
            throw new Error(given.error?.message ?? `${method} ${path}: ${answer.status}`);
        return given;
    }
}
/** A server that this process started. */
export class MockServer extends Control {
    /** What clients take as their base URL. */
    baseUrl;
    wsUrl;
    /** The variables that point clients here, such as OPENAI_BASE_URL. */
    env;
    process;
    ended;
    said;
    constructor(ready, process, ended, said) {
        super(ready.control);
        this.baseUrl = ready.base_url;
        this.wsUrl = ready.ws_url;
        this.env = ready.env;
        this.process = process;
        this.ended = ended;
        this.said = said;
    }
    /** Start `mockserver ...args` and wait until it is ready: `MockServer.start(["simulate", "openai"])`. */
    static async start(args, command = "mockserver") {
        const process = spawn(command, [...args, "--json"], { stdio: ["ignore", "pipe", "pipe"] });
        let errors = "";
        process.stderr.on("data", (chunk) => (errors += chunk));
        const ended = new Promise((resolve) => process.once("close", (code) => resolve(code)));
        const lines = createInterface({ input: process.stdout });
        const line = await new Promise((resolve, reject) => {
            lines.once("line", resolve);
            process.once("error", reject);
            void ended.then((code) => reject(new Error(`${command} ended with status ${code}: ${errors.trim()}`)));
        });
        return new MockServer(JSON.parse(line), process, ended, () => errors);
    }
    /** Stop it. Throws where it has something against its clients (on Windows it cannot say so: ask `problems()` first). */
    async stop() {
        this.process.kill("SIGTERM");
        const code = await this.ended;
        if (code)
            throw new Error(`mockserver ended with status ${code}: ${this.said().trim()}`);
    }
}
