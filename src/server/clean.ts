/**
 * A history in, the same history out as it may be shown: secrets masked, and every text from the wire without characters
 * that hide or steer what stands around them.
 */
import { printable } from "../sinks/printable.ts";
import type {
  CallDetail,
  CallFailures,
  CallMessage,
  CallRecord,
  ConnectionFailures,
  ConnectionRecord,
  EffectRecord,
  History,
  PartyRecord,
  SessionRecord,
} from "../store/types.ts";
import { capText } from "../text.ts";
import { closeJson } from "./json-cut.ts";
import { MAX_FIELD_CHARS } from "./limits.ts";
import type { Masker } from "./types.ts";

/** `masker` undefined: secrets are shown (--no-redact). */
export function cleanHistory(history: History, masker: Masker | undefined): History {
  const clean = new Cleaner(masker);
  return {
    sessions: (filter, page) => {
      const { items, more } = history.sessions(filter, page);
      return { items: items.map((item) => clean.session(item)), more };
    },
    session: (id) => {
      const found = history.session(id);
      return found && clean.session(found);
    },
    calls: (filter, page) => {
      const { items, more } = history.calls(filter, page);
      return { items: items.map((item) => clean.call(item)), more };
    },
    call: (id, asked) => {
      // masked before it is cut: half a secret is not known as one
      const found = history.call(id, { ...asked, maxChars: asked.maxChars + MARGIN_CHARS });
      return found && clean.detail(found, asked.maxChars);
    },
    connections: (filter, page) => {
      const { items, more } = history.connections(filter, page);
      return { items: items.map((item) => clean.connection(item)), more };
    },
    connectionSummary: (filter) => history.connectionSummary(filter),
    coverage: () => {
      const coverage = history.coverage();
      const notHeard = coverage.notHeard.map((each) => ({
        ...each,
        example: clean.textOf(each.example),
      }));
      const noise = coverage.noise.map((each) => ({
        ...each,
        serverName: clean.text(each.serverName),
        example: clean.text(each.example),
      }));
      const isRedacted = coverage.isRedacted || masker !== undefined;
      return { ...coverage, notHeard, noise, isRedacted };
    },
    failures: (asked) => {
      const found = history.failures(asked);
      return {
        ...found,
        callFailures: found.callFailures.map((each) => clean.callFailures(each)),
        connectionFailures: found.connectionFailures.map((each) => clean.refused(each)),
        slowest: found.slowest.map((each) => clean.call(each)),
        waiting: found.waiting.map((each) => clean.call(each)),
      };
    },
    latest: () => history.latest(),
  };
}

/** Text beyond what is asked for, so that a secret at its end is seen whole. */
const MARGIN_CHARS = 1024;

class Cleaner {
  readonly #masker: Masker | undefined;

  constructor(masker: Masker | undefined) {
    this.#masker = masker;
  }

  text(text: string, maxChars: number = MAX_FIELD_CHARS): string {
    return capText(printable(this.#masker?.text(text) ?? text), maxChars);
  }

  textOf(text: string | undefined): string | undefined {
    return text === undefined ? undefined : this.text(text);
  }

  commandLine(argv: readonly string[]): readonly string[] {
    const shown: string[] = [];
    let chars = 0;
    for (const word of this.#masker?.commandLine(argv) ?? argv) {
      const text = capText(printable(word), MAX_FIELD_CHARS);
      chars += text.length + 1;
      if (chars > MAX_FIELD_CHARS && shown.length > 0) return [...shown, "…"];
      shown.push(text);
    }
    return shown;
  }

  party(party: PartyRecord): PartyRecord {
    return {
      ...party,
      name: this.text(party.name),
      version: this.textOf(party.version),
      comm: this.textOf(party.comm),
      commandLine: this.commandLine(party.commandLine),
      containerId: this.textOf(party.containerId),
      address: this.textOf(party.address),
    };
  }

  session(session: SessionRecord): SessionRecord {
    return {
      ...session,
      client: this.party(session.client),
      server: this.party(session.server),
      protocolVersion: this.textOf(session.protocolVersion),
      endReason: this.textOf(session.endReason),
    };
  }

  call(call: CallRecord): CallRecord {
    return {
      ...call,
      clientName: this.text(call.clientName),
      serverName: this.text(call.serverName),
      method: this.text(call.method),
      target: this.textOf(call.target),
      errorText: this.textOf(call.errorText),
    };
  }

  message(message: CallMessage, maxChars: number): CallMessage {
    const shown = printable(this.#masked(message));
    return {
      ...message,
      method: this.textOf(message.method),
      from: this.text(message.from),
      to: this.text(message.to),
      text: shown.length <= maxChars ? shown : capText(shown, maxChars),
      isCut: message.isCut || shown.length > maxChars,
    };
  }

  #masked({ text, isCut }: CallMessage): string {
    if (this.#masker === undefined) return text;
    // where it was cut there may be half a secret
    return this.#masker.json(closeJson(isCut ? text.slice(0, -MARGIN_CHARS / 2) : text));
  }

  effect(effect: EffectRecord): EffectRecord {
    const comm = this.text(effect.comm);
    switch (effect.kind) {
      case "exec":
        return { ...effect, comm, argv: this.commandLine(effect.argv) };
      case "connect":
        return { ...effect, comm, connection: this.connection(effect.connection) };
      case "file":
        return { ...effect, comm, path: this.text(effect.path), to: this.textOf(effect.to) };
      case "fork":
        return { ...effect, comm };
    }
  }

  detail(detail: CallDetail, maxChars: number): CallDetail {
    return {
      ...detail,
      call: this.call(detail.call),
      session: detail.session && this.session(detail.session),
      messages: detail.messages.map((each) => this.message(each, maxChars)),
      effects: detail.effects.map((each) => this.effect(each)),
    };
  }

  connection(connection: ConnectionRecord): ConnectionRecord {
    return {
      ...connection,
      comm: this.textOf(connection.comm),
      commandLine: this.commandLine(connection.commandLine),
      containerId: this.textOf(connection.containerId),
      path: this.textOf(connection.path),
      hostName: this.textOf(connection.hostName),
    };
  }

  refused(failures: ConnectionFailures): ConnectionFailures {
    return { ...failures, comm: this.textOf(failures.comm), host: this.textOf(failures.host) };
  }

  callFailures(failures: CallFailures): CallFailures {
    return {
      ...failures,
      serverName: this.text(failures.serverName),
      method: this.text(failures.method),
      target: this.textOf(failures.target),
      errorText: this.textOf(failures.errorText),
      connections: failures.connections.map((each) => this.refused(each)),
    };
  }
}
