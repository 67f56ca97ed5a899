/** TLS libraries in, their plaintext in the ring of the other programs out: the object of bpf/tls.bpf.c at work. */
import { readTlsObject } from "../../../ffi/assets.ts";
import { BpfError } from "../../../ffi/errors.ts";
import type { BpfMap } from "../../../ffi/map.ts";
import { type BpfLink, BpfObject, disposeLinks, leaveLinks } from "../../../ffi/object.ts";
import type { Library, Probe, Role } from "../../libraries/types.ts";
import { EXIT_GOES_ON, type FrontEnd } from "../front-ends.ts";
import { offsetOf, variableOffsets } from "../globals.ts";

export interface TlsKernelOptions {
  readonly frontEnd: FrontEnd;
  readonly ownPid: number;
  readonly filtering: boolean;
  /** The kernel has uprobe_multi links (6.6). */
  readonly multi: boolean;
  /** Uprobes that are still there do nothing any more. */
  readonly deafen: () => void;
}

interface Place {
  readonly program: string;
  readonly atReturn: boolean;
}

const RETURN: Place = { program: "tls_leave", atReturn: true };

/** What is attached to a function, by what it does; nothing where that is of no use yet. The return first: a call that is
 * seen to begin is then seen to end. */
const PLACES: Readonly<Partial<Record<Role, readonly Place[]>>> = {
  read: [RETURN, { program: "tls_enter_read", atReturn: false }],
  write: [RETURN, { program: "tls_enter_write", atReturn: false }],
  read_ex: [RETURN, { program: "tls_enter_read_ex", atReturn: false }],
  write_ex: [RETURN, { program: "tls_enter_write_ex", atReturn: false }],
  free: [{ program: "tls_free", atReturn: false }],
};

/** NSPR's, whose descriptors may be of other things. */
const NSPR_PLACES: typeof PLACES = {
  read: [RETURN, { program: "tls_enter_nspr_read", atReturn: false }],
  write: [RETURN, { program: "tls_enter_nspr_write", atReturn: false }],
  free: PLACES.free ?? [],
};

/** Of a Go function, whose return instructions are places of their own. */
const GO_PLACES: Readonly<Partial<Record<Role, { readonly enter: Place; readonly leave: Place }>>> =
  {
    read: goPlaces("read"),
    write: goPlaces("write"),
  };

function goPlaces(role: "read" | "write") {
  return {
    enter: { program: `tls_go_enter_${role}`, atReturn: false },
    leave: { program: `tls_go_leave_${role}`, atReturn: false },
  };
}

const UPROBES = [
  ...new Set(
    [
      ...Object.values(PLACES),
      ...Object.values(NSPR_PLACES),
      ...Object.values(GO_PLACES).map(({ enter, leave }) => [enter, leave]),
    ].flatMap((places) => places.map((each) => each.program)),
  ),
];
/** Where the programs at returns go on: attached to nothing. */
const GOES_ON = "tls_moved";
/** Ends of sockets and threads. */
const ENDS = ["tls_socket_end", "tls_exit"];
/** Socket calls, by which a connection's socket becomes known. */
const SOCKET_CALLS: Readonly<Record<FrontEnd, readonly string[]>> = {
  fexit: ["tls_inet_recv", "tls_inet_send", "tls_inet6_recv", "tls_inet6_send"],
  tracepoint: ["tls_sys_exit"],
};
const FIRST = new Uint8Array(4);

/** Perf events that are waited for, 100 ms each. */
const FEW_LINKS = 6;

/** A library that is listened to. */
export interface Tap {
  /** Not any more. */
  detach(): void;
}

export class TlsKernel implements Disposable {
  readonly #object: BpfObject;
  readonly #options: TlsKernelOptions;
  readonly #links = new Set<BpfLink>();
  /** Where the program at the exit of system calls goes on. */
  readonly #afterExit: BpfMap;
  #isAfterExit = false;
  /** Programs that this kernel does not take. */
  readonly missing: string[] = [];
  /** Loaded, and what is to be there before the first library is attached. */
  #isReady = false;
  #failure: unknown;

  /** Begins to load the programs. `main`: the object with the ring, loaded. @throws BpfError; nothing stays behind then. */
  constructor(main: BpfObject, options: TlsKernelOptions) {
    const bytes = readTlsObject();
    this.#options = options;
    this.#afterExit = main.map("after_exit");
    this.#object = new BpfObject(bytes, "tls");
    try {
      this.#object.share(main);
      this.#setConstants(bytes, options);
      const socketCalls = SOCKET_CALLS[options.frontEnd];
      for (const program of [GOES_ON, ...UPROBES, ...socketCalls]) this.#object.enable(program);
      if (options.multi) this.#object.useUprobeMulti();
      this.#object.beginLoad();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** False: a thread loads the programs; `tap` would wait for it, and the ring would fill meanwhile. */
  get isLoaded(): boolean {
    return this.#object.isLoaded;
  }

  /** Listens to a library in all processes that have it, now or later. `path` may be any name of the file.
   * @throws BpfError or, when the programs do not load, VerifierError; nothing is attached to it then. */
  tap(path: string, { stack, probes }: Pick<Library, "stack" | "probes">): Tap {
    this.#makeReady();
    const places = placesOf(probes, stack === "nss" ? NSPR_PLACES : PLACES);
    const links: BpfLink[] = [];
    try {
      for (const [{ program, atReturn }, offsets] of places) {
        links.push(...this.#object.attachUprobe(program, { path, offsets, atReturn }));
      }
    } catch (error) {
      disposeLinks(links);
      throw error;
    }
    for (const link of links) this.#links.add(link);
    return {
      detach: () => {
        for (const link of links) this.#links.delete(link);
        disposeLinks(links);
      },
    };
  }

  /** For good: at the end of this process. */
  detach(): void {
    this.#options.deafen();
    if (this.#isAfterExit) this.#afterExit.delete(FIRST);
    this.#isAfterExit = false;
    // perf events are taken down one after another
    if (this.#options.multi || this.#links.size < FEW_LINKS) disposeLinks([...this.#links]);
    else leaveLinks([...this.#links]);
    this.#links.clear();
  }

  [Symbol.dispose](): void {
    this.detach();
    this.#object[Symbol.dispose]();
  }

  #makeReady(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isReady) return;
    try {
      this.#object.finishLoad();
      for (const program of ENDS) this.#links.add(this.#object.attach(program));
      for (const program of SOCKET_CALLS[this.#options.frontEnd]) this.#attachSocketCall(program);
      this.#isReady = true;
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  #attachSocketCall(program: string): void {
    const goesOn = this.#options.frontEnd === "tracepoint" && EXIT_GOES_ON;
    try {
      if (goesOn) this.#object.putInto(this.#afterExit, program);
      else this.#links.add(this.#object.attach(program));
      this.#isAfterExit = goesOn;
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      this.missing.push(program);
    }
  }

  #setConstants(bytes: Uint8Array, options: TlsKernelOptions): void {
    const rodata = this.#object.memory(".rodata");
    const offsets = variableOffsets(bytes, "rodata");
    rodata.setUint32(offsetOf(offsets, "own_tgid"), options.ownPid, true);
    rodata.setUint8(offsetOf(offsets, "filtering"), options.filtering ? 1 : 0);
  }
}

/** Offsets by what is attached there. */
function placesOf(
  probes: readonly Probe[],
  byRole: typeof PLACES,
): ReadonlyMap<Place, readonly number[]> {
  const places = new Map<Place, number[]>();
  const add = (place: Place, offsets: readonly number[]) => {
    places.set(place, [...(places.get(place) ?? []), ...offsets]);
  };
  for (const { role, entry, returns } of probes) {
    const go = GO_PLACES[role];
    if (returns === undefined) for (const place of byRole[role] ?? []) add(place, [entry]);
    else if (go) {
      add(go.leave, returns);
      add(go.enter, [entry]);
    }
  }
  return places;
}
