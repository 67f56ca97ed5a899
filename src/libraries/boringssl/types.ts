/** What the code of either machine says of an error that it raises. */

/** Where the name of a source file is loaded, and as which argument: rdx and x2 are the third, rcx and x3 the fourth. */
export interface Load {
  /** Byte of the file. */
  readonly at: number;
  readonly argument: "third" | "fourth";
}

/** What is loaded beside it. undefined: nothing that it could be. */
export interface Constants {
  readonly reason: number | undefined;
  readonly line: number | undefined;
}
