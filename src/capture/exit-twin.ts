/** The second copy of the program at the exit of system calls: loaded by a thread when it is wanted, since most kernels never
 * have any use for it. */
import { type BpfLink, BpfObject } from "../../ffi/object.ts";
import { setConstants } from "./constants.ts";

const PROGRAM = "exit_twin";

export interface ExitTwinParts {
  /** The object with the first copy, loaded: maps and variables are shared with it. */
  readonly main: BpfObject;
  readonly bytes: Uint8Array;
  readonly constants: Readonly<Record<string, number | boolean>>;
  /** Sets the variable `twins` of bpf/maps.h. */
  readonly mark: (stage: number) => void;
  /** Runs of the first copy that the kernel skipped so far. */
  readonly skips: () => number;
}

export class ExitTwin implements Disposable {
  readonly #parts: ExitTwinParts;
  readonly #object: BpfObject;
  #link: BpfLink | undefined;
  #steps: (() => void)[];
  /** What the first copy skipped, and no second one took over for sure; undefined: that still goes on. */
  #skippedBefore: number | undefined;

  /** Begins to load it. @throws BpfError; nothing stays behind then. */
  constructor(parts: ExitTwinParts) {
    this.#parts = parts;
    const { main, bytes, constants, mark, skips } = parts;
    this.#steps = [
      () => mark(1),
      () => {
        this.#link = this.#object.attach(PROGRAM);
      },
      () => mark(2),
      () => {
        mark(3);
        this.#skippedBefore = skips();
      },
    ];
    this.#object = new BpfObject(bytes, "overhear");
    try {
      this.#object.share(main);
      setConstants(this.#object, bytes, constants);
      this.#object.enableOnly(PROGRAM);
      this.#object.beginLoad();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** True, too, when that has failed: `advance` tells. */
  get isLoaded(): boolean {
    return this.#object.isLoaded;
  }

  /**
   * The next step towards two copies that share the calls (bpf/twin.h); from one to the next all runs that are under way have
   * to end. Returns whether there is another. @throws BpfError or VerifierError: there will be one copy only.
   */
  advance(): boolean {
    this.#object.finishLoad();
    this.#steps.shift()?.();
    return this.#steps.length > 0;
  }

  /** Both copies are there. */
  get isWhole(): boolean {
    return this.#skippedBefore !== undefined;
  }

  /** Runs that the kernel skipped and nothing took over (an upper bound). */
  skippedRuns(): number {
    const skips = this.#skippedBefore ?? this.#parts.skips();
    return skips + (this.#link === undefined ? 0 : this.#object.misses(PROGRAM));
  }

  /** For good. */
  detach(): void {
    this.#steps = [];
    this.#link?.[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.detach();
    this.#object[Symbol.dispose]();
  }
}
