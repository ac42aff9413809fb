// An HTTP receiver on a free loopback port: keeps what reaches it and answers as it is told.

import http from "node:http";

export const SOON = 30_000; // milliseconds for what happens at once on an idle machine

/** Answers 204 to every path; where `answer` says otherwise, with that status and the words "not now". */
export class Receiver {
  #requests = [];
  #statuses = new Map();
  #waiting = [];
  #server = http.createServer((request, response) => this.#take(request, response));

  static async start() {
    const receiver = new Receiver();
    await new Promise((listening) => receiver.#server.listen(0, "127.0.0.1", listening));
    return receiver;
  }

  url(path) {
    return `http://127.0.0.1:${this.#server.address().port}${path}`;
  }

  answer(path, status) {
    this.#statuses.set(path, status);
  }

  /** The first `number` requests to this path that are such; waits for them. */
  at(path, number = 1, such = () => true) {
    return new Promise((found, missing) => {
      const timer = setTimeout(() => {
        const seen = this.#requests.slice(-10).map((request) => `${request.path} ${request.id}`);
        missing(new Error(`not ${number} requests reached ${path}; the last ones: ${seen}`));
      }, SOON);
      const look = () => {
        const requests = this.#requests.filter((request) => request.path === path && such(request));
        if (requests.length < number) return false;
        clearTimeout(timer);
        found(requests.slice(0, number));
        return true;
      };
      if (!look()) this.#waiting.push(look);
    });
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #take(request, response) {
    const parts = [];
    for await (const part of request) parts.push(part);
    const { url: path, headers } = request;
    this.#requests.push({ path, headers, body: Buffer.concat(parts), id: headers["webhook-id"] ?? headers["svix-id"] });
    const status = this.#statuses.get(path) ?? 204;
    response.writeHead(status).end(status === 204 ? "" : "not now");
    this.#waiting = this.#waiting.filter((look) => !look());
  }
}
