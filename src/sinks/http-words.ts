/** An exchange without a message in, what the console says of it out. */
import type { HttpLine } from "../exchange/types.ts";
import { shortPath } from "./console-ends.ts";
import { flagWords } from "./flag-words.ts";
import { formatMs } from "./quantity.ts";

/** "POST 401 text/html 1.27 ms"; `named`: with the path, for which the ends have no room. */
export function httpWords(line: HttpLine, named: boolean): string {
  const { outcome, flags, timeNs } = line;
  const { request, response, startNs } = line.exchange;
  const words = [
    request?.method ?? "?",
    response === undefined ? "" : String(response.status),
    response?.fields.contentType ?? "",
    outcome === "complete" ? "" : outcome,
    flagWords(flags),
    request === undefined ? "" : formatMs(Math.max(0, timeNs - startNs) / 1e6),
    // it may be long, and hides nothing here
    request !== undefined && named ? shortPath(request.target) : "",
  ];
  return words.filter((word) => word !== "").join(" ");
}
