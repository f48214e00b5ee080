// The control API, as a test in another language uses it: fetch and nothing else.

export class Control {
  #root;

  constructor(root) {
    this.#root = root;
  }

  get(path) {
    return this.#ask("GET", path);
  }

  setFault(spec) {
    return this.#ask("POST", "faults", { spec });
  }

  removeFault(id) {
    return this.#ask("DELETE", `faults/${id}`);
  }

  async #ask(method, path, body) {
    const answer = await fetch(new URL(path, this.#root), {
      method,
      headers: body && { "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    return { status: answer.status, ...(await answer.json()) };
  }
}
