/** Changed files in the ring of the other programs: the object of bpf/files.bpf.c at work. */
import { readFilesObject } from "../../../ffi/assets.ts";
import { type BpfLink, BpfObject, disposeLinks } from "../../../ffi/object.ts";
import { setConstants } from "../constants.ts";

const PROGRAMS = ["file_fork", "file_exit", "file_sys_exit"];
const ONE = new Uint8Array([1, 0, 0, 0]);

export class FilesKernel implements Disposable {
  readonly #object: BpfObject;
  readonly #links: BpfLink[] = [];

  /** `main`: the object with the ring, loaded. @throws BpfError or VerifierError; nothing stays behind then. */
  constructor(main: BpfObject, ownPid: number) {
    const bytes = readFilesObject();
    this.#object = new BpfObject(bytes, "files");
    try {
      this.#object.share(main);
      setConstants(this.#object, bytes, { own_tgid: ownPid });
      this.#object.load();
      for (const program of PROGRAMS) this.#links.push(this.#object.attach(program));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Tells what this process changes, and those that it starts from now on. */
  watch(pid: number): void {
    this.#object.map("watched").set(new Uint8Array(new Uint32Array([pid]).buffer), ONE);
  }

  detach(): void {
    disposeLinks(this.#links.splice(0));
  }

  [Symbol.dispose](): void {
    this.detach();
    this.#object[Symbol.dispose]();
  }
}
