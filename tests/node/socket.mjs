// A websocket client in Node's own modules: text frames both ways, ping, close (RFC 6455). Node's global WebSocket
// cannot send an Authorization header, and before Node 22 it is behind a flag.

import { createHash, randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT = 1, CLOSE = 8, PING = 9, PONG = 10;

/** Opens a websocket. Rejects with the status and the body where the server refuses. */
export function open(url, headers = {}) {
  const key = randomBytes(16).toString("base64");
  const { request } = url.startsWith("wss:") ? https : http;
  return new Promise((resolve, reject) => {
    const asked = request(url.replace(/^ws/, "http"), {
      headers: {
        ...headers,
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
      },
    });
    asked.on("error", reject);
    asked.on("response", async (answer) => {
      let body = "";
      for await (const part of answer) body += part;
      reject(new Error(`the upgrade was refused: ${answer.statusCode} ${body}`));
    });
    asked.on("upgrade", (answer, stream, head) => {
      const expected = createHash("sha1").update(key + GUID).digest("base64");
      if (answer.headers["sec-websocket-accept"] !== expected) {
        reject(new Error("Sec-WebSocket-Accept does not fit the key"));
        return;
      }
      resolve(new Socket(stream, head));
    });
    asked.end();
  });
}

class Socket {
  #stream;
  #left;
  #messages = [];
  #waiting = [];
  /** {code, reason} once the connection is over; code 1006 where it ended without a close frame. */
  closed = null;

  constructor(stream, head) {
    this.#stream = stream;
    this.#left = head;
    stream.on("data", (chunk) => {
      this.#left = Buffer.concat([this.#left, chunk]);
      this.#read();
    });
    stream.on("error", () => this.#over(1006, ""));
    stream.on("close", () => this.#over(1006, ""));
    this.#read();
  }

  send(event) {
    this.#write(TEXT, Buffer.from(JSON.stringify(event)));
  }

  /** The next event, parsed; null once the connection is over. */
  next() {
    if (this.#messages.length) return Promise.resolve(this.#messages.shift());
    if (this.closed) return Promise.resolve(null);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(code = 1000) {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#write(CLOSE, payload);
  }

  #read() {
    for (;;) {
      const data = this.#left;
      if (data.length < 2) return;
      let size = data[1] & 127, at = 2;
      if (size === 126) {
        if (data.length < 4) return;
        size = data.readUInt16BE(2);
        at = 4;
      } else if (size === 127) {
        if (data.length < 10) return;
        size = Number(data.readBigUInt64BE(2));
        at = 10;
      }
      if (data.length < at + size) return;
      const final = data[0] & 128, opcode = data[0] & 15, payload = data.subarray(at, at + size);
      this.#left = data.subarray(at + size);
      if (opcode === TEXT && final) {
        const event = JSON.parse(payload.toString("utf8"));
        const first = this.#waiting.shift();
        if (first) first(event);
        else this.#messages.push(event);
      } else if (opcode === PING) {
        this.#write(PONG, payload);
      } else if (opcode === CLOSE) {
        this.#over(payload.length < 2 ? 1005 : payload.readUInt16BE(0), payload.subarray(2).toString("utf8"));
        this.#stream.end();
      } else {
        this.#stream.destroy(new Error(`a frame that this client does not read: opcode ${opcode}`));
      }
    }
  }

  #write(opcode, payload) {
    const mask = randomBytes(4);
    const length =
      payload.length < 126
        ? Buffer.from([128 | payload.length])
        : Buffer.from([128 | 126, payload.length >> 8, payload.length & 255]);
    if (payload.length > 65535) throw new Error("this client sends no frame over 64 KiB");
    const masked = payload.map((byte, index) => byte ^ mask[index % 4]);
    this.#stream.write(Buffer.concat([Buffer.from([128 | opcode]), length, mask, masked]));
  }

  #over(code, reason) {
    if (this.closed) return;
    this.closed = { code, reason };
    for (const resolve of this.#waiting.splice(0)) resolve(null);
  }
}
