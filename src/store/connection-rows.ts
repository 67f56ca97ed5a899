/** Connections, and what calls caused, in; their rows out. */
import type { Connection, ConnectionLine } from "../connections/types.ts";
import type { Effect } from "../effects/types.ts";
import { RecentMap } from "../recent-map.ts";
import { connectionRow, hostOf, namedHostOf } from "./connection-row.ts";
import type { Dimensions, Place } from "./dimensions.ts";
import { effectRow } from "./effect-row.ts";
import type { OwnServers } from "./own-servers.ts";

/** Connections whose end may be still to come. */
const MAX_CONNECTIONS = 65_536;

interface ConnectionRef {
  readonly id: number;
  /** What became of the attempt, and of the connection, is in the sums. */
  isTold: boolean;
  isOver: boolean;
}

/** The call that an effect is joined to, by its row and its names. */
export interface CausedBy {
  readonly callId: number;
  readonly server: string;
  readonly method: string;
  readonly target: string;
  /** The call had ended. */
  readonly isLate: boolean;
}

export class ConnectionRows {
  readonly #dimensions: Dimensions;
  readonly #own: OwnServers;
  readonly #refs = new RecentMap<string, ConnectionRef>(MAX_CONNECTIONS);

  constructor(dimensions: Dimensions, own: OwnServers) {
    this.#dimensions = dimensions;
    this.#own = own;
  }

  connection({ connection, event, timeNs }: ConnectionLine, place: Place): void {
    if (this.#own.has(connection.process) || this.#own.has(connection.peer)) return;
    // the kernel does not tell that this process accepts: the end there is nobody's, and told when it is over
    if (this.#own.isAt(connection.remote) || this.#own.isAt(connection.local)) return;
    const { id } = this.#write(connection, event, place);
    const time = place.micros(timeNs);
    const { outcome, sentBytes, receivedBytes } = connection;
    const row = [place.nextId(), id, event, time, outcome, sentBytes, receivedBytes];
    place.out.plain("connection_events", row);
  }

  effect(effect: Effect, by: CausedBy, place: Place): void {
    const processId = this.#dimensions.party(effect.process, place);
    if (effect.kind === "exec") this.#dimensions.watch(effect.process);
    const connection = effect.kind === "connect" ? effect.connection : undefined;
    place.out.effect(
      effectRow(effect, {
        ...by,
        id: place.nextId(),
        timeUs: place.micros(effect.timeNs),
        processId,
        childId: effect.kind === "fork" ? this.#dimensions.party(effect.child, place) : null,
        connectionId: connection === undefined ? null : this.#idOf(connection, place),
        host: connection === undefined ? null : hostOf(connection),
        namedHost: connection === undefined ? null : namedHostOf(connection),
      }),
    );
  }

  /** Its own lines keep its row: an effect writes it only where none has come. */
  #idOf(connection: Connection, place: Place): number {
    return (this.#refs.get(connection.id) ?? this.#write(connection, "start", place)).id;
  }

  /** As it is now. */
  #write(connection: Connection, event: ConnectionLine["event"], place: Place): ConnectionRef {
    const known = this.#refs.get(connection.id);
    const ref = known ?? { id: place.nextId(), isTold: false, isOver: false };
    // one that is in progress is told of once more, unless the run ends before
    const isTold = !ref.isTold && (connection.outcome !== "in_progress" || event === "open");
    const isOver = !ref.isOver && connection.endNs !== undefined;
    ref.isTold ||= isTold;
    ref.isOver ||= isOver;
    this.#refs.set(connection.id, ref);
    if (known === undefined) place.segment.connections++;
    place.out.connection(
      connectionRow(connection, {
        id: ref.id,
        event,
        processId: this.#dimensions.party(connection.process, place),
        peerId: this.#dimensions.party(connection.peer, place),
        micros: place.micros,
        isNew: known === undefined,
        isTold,
        isOver,
      }),
    );
    return ref;
  }
}
