/** A library in; whether it is listened to, and if not why, out. */
import type { Library } from "../../libraries/types.ts";

/** elsewhere: in the library that it calls. `why` completes "is not heard: …". */
export type Hearing =
  | { readonly kind: "heard" }
  | { readonly kind: "elsewhere" | "unheard"; readonly why: string };

export function hearingOf({ stack, abi, probes, calls }: Library): Hearing {
  if (calls !== undefined) return { kind: "elsewhere", why: `the ${calls} that it calls is heard` };
  if (abi === "go-stack") {
    return { kind: "unheard", why: "Go before 1.17 passes arguments on the stack" };
  }
  const moves = probes.some(({ role }) => role.startsWith("read") || role.startsWith("write"));
  if (moves) return { kind: "heard" };
  return { kind: "elsewhere", why: `the part of ${stack} that moves bytes is another library` };
}
