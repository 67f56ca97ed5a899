/** What a body may contain in, what hears it out. */
import type { Body, BodyContext, BodySubject } from "./body.ts";
import { CodedEventBody } from "./coded-event-body.ts";
import { EventBody } from "./event-body.ts";
import { JsonBody } from "./json-body.ts";

export class Bodies {
  readonly #context: BodyContext;
  // one object for all such bodies of a direction, which come one after the other
  #json: JsonBody | undefined;
  #events: EventBody | undefined;

  constructor(context: BodyContext) {
    this.#context = context;
  }

  /** undefined: nothing is looked for in it. */
  make(content: "json" | "events" | undefined, subject: BodySubject): Body | undefined {
    if (content === undefined) return undefined;
    if (content === "json") {
      this.#json ??= new JsonBody(this.#context, subject);
      this.#json.restart(subject);
      return this.#json;
    }
    if (subject.codings.length > 0) return new CodedEventBody(this.#context, subject);
    this.#events ??= new EventBody(this.#context, subject);
    this.#events.restart(subject);
    return this.#events;
  }
}
