"use strict";
// Get new documents by server-sent events; by polling if events fail. A hidden page also polls, because
// a browser opens only six connections to a server.

const POLL_MS = 2000;
const HIDDEN_POLL_MS = 10_000;
const STOPPED_AFTER_MS = 10_000;

/** @typedef {"connecting" | "live" | "polling" | "reconnecting" | "stopped" | "gone" | "ended"} ConnectionState */

/** Get documents from an address, and keep the state of the connection. */
class Connection {
  /**
   * @param {{event: string, address: () => string, events: () => string, show: (document: any) => void, changed: () => void, isOver: () => boolean}} options
   *   event: the name of the events; isOver: returns whether the document is final
   */
  constructor(options) {
    this.options = options;
    /** @type {ConnectionState} */
    this.state = "connecting";
    /** @type {EventSource | null} */
    this.source = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.lastAnswer = Date.now();
    this.generation = 0;
    document.addEventListener("visibilitychange", () => this.restart());
  }

  /** Connect again, for example with another query. */
  restart() {
    this.close();
    if (this.state === "ended") return;
    if (document.hidden) this.pollLater();
    else this.listen();
  }

  close() {
    this.generation++;
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  listen() {
    const generation = this.generation;
    const source = new EventSource(this.options.events());
    this.source = source;
    source.addEventListener("open", () => this.become("live"));
    source.addEventListener(this.options.event, (event) => {
      if (generation !== this.generation) return;
      this.received(JSON.parse(event.data));
      this.become("live");
    });
    source.addEventListener("end", () => {
      this.close();
      // A server that stops also ends its streams. If the job has not ended, the server may start again.
      if (this.options.isOver()) this.become("ended");
      else this.pollLater();
    });
    source.addEventListener("error", () => {
      if (generation !== this.generation) return;
      this.close();
      this.poll();
    });
  }

  pollLater() {
    const generation = this.generation;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (generation === this.generation) this.poll();
    }, document.hidden ? HIDDEN_POLL_MS : POLL_MS);
  }

  async poll() {
    const generation = this.generation;
    let answered = false;
    try {
      const received = await getJson(this.options.address(), { signal: AbortSignal.timeout(10_000) });
      if (generation !== this.generation) return;
      answered = true;
      this.received(received);
      this.become(this.options.isOver() ? "ended" : "polling");
    } catch (error) {
      if (generation !== this.generation) return;
      if (error instanceof ServerAnswer) this.lastAnswer = Date.now();
      const stopped = Date.now() - this.lastAnswer > STOPPED_AFTER_MS;
      const isGone = error instanceof ServerAnswer && error.status === 404;
      this.become(isGone ? "gone" : stopped ? "stopped" : "reconnecting");
    }
    if (this.state === "ended") return;
    if (!answered || document.hidden) this.pollLater();
    else this.timer = setTimeout(() => generation === this.generation && this.restart(), POLL_MS);
  }

  /** @param {any} received */
  received(received) {
    this.lastAnswer = Date.now();
    this.options.show(received);
  }

  /** @param {ConnectionState} state */
  become(state) {
    if (state === this.state) return;
    this.state = state;
    this.options.changed();
  }
}

/** @type {Record<ConnectionState, [string, string]>} */
const CONNECTION_WORDS = {
  connecting: ["Connecting…", "waits"],
  live: ["Live", "good"],
  polling: ["Live", "good"],
  reconnecting: ["Reconnecting…", "asks"],
  stopped: ["The server has stopped", "bad"],
  gone: ["The server no longer has this job", "bad"],
  ended: ["Job has ended", "waits"],
};

/** Show the state of the connection. @param {ConnectionState} state @param {string} [time] */
function connectionBadge(state, time) {
  const [words, kind] = CONNECTION_WORDS[state];
  return h("span", { class: `connection ${kind}`, title: time ? `As of ${time}` : null }, h("span", { class: "light", "aria-hidden": "true" }), h("span", {}, words));
}
