/** A front end's plans in, its programs enabled and attached out; what this kernel does not take is told. */
import { BpfError } from "../../ffi/errors.ts";
import type { BpfLink, BpfObject } from "../../ffi/object.ts";
import {
  blockedCopies,
  type FrontEnd,
  fexitPrograms,
  type ProgramPlan,
  tracepointPrograms,
} from "./front-ends.ts";

/** fexit: files that are mapped to be run; the other front end sees them among its system calls. */
export const MAP_FILE = "map_file";

export class FrontEndPrograms {
  readonly #object: BpfObject;
  readonly #links: BpfLink[];
  readonly #missing: string[];

  /** `links`, `missing`: what is attached, and which optional programs are not there, is added to them. */
  constructor(object: BpfObject, links: BpfLink[], missing: string[]) {
    this.#object = object;
    this.#links = links;
    this.#missing = missing;
  }

  /** Before the object is loaded. Returns what is to be attached. @throws BpfError */
  enable(options: {
    readonly frontEnd: FrontEnd;
    readonly preemptible: boolean;
    readonly watchFiles?: boolean;
  }): ProgramPlan[] {
    const { frontEnd, preemptible, watchFiles } = options;
    if (frontEnd === "tracepoint") return this.enableOnly(tracepointPrograms());
    const plans = fexitPrograms(preemptible);
    const wanted = plans.filter(({ program }) => program !== MAP_FILE || watchFiles === true);
    const enabled = this.enableOnly(wanted);
    for (const program of blockedCopies(preemptible)) this.#object.enable(program);
    return enabled;
  }

  /** The same of these. @throws BpfError */
  enableOnly(plans: readonly ProgramPlan[]): ProgramPlan[] {
    return plans.filter((plan) => this.#enableOne(plan));
  }

  /** @throws BpfError, if it is not optional */
  attach(plan: ProgramPlan): void {
    try {
      this.#links.push(this.#object.attach(plan.program));
    } catch (error) {
      if (!plan.optional) throw error;
      this.#missing.push(plan.program);
    }
  }

  /** Nobody misses it. */
  attachIfPossible(program: string): void {
    try {
      this.#links.push(this.#object.attach(program));
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
    }
  }

  #enableOne(plan: ProgramPlan): boolean {
    if (plan.targets.length === 0) {
      this.#object.enable(plan.program);
      return true;
    }
    let failure: unknown;
    for (const target of plan.targets) {
      try {
        if (plan.requires !== undefined) this.#object.enable(plan.program, plan.requires);
        this.#object.enable(plan.program, target);
        return true;
      } catch (error) {
        failure = error;
      }
    }
    if (!plan.optional) throw failure;
    this.#object.disable(plan.program);
    if (plan.requires === undefined) this.#missing.push(plan.program);
    return false;
  }
}
