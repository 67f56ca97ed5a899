import { expect, test } from "bun:test";
import { findMethod, isMethodOf } from "../../../src/message/methods.ts";
import specification from "../../fixtures/methods/methods-by-version.json";

interface Listed {
  readonly version: string;
  readonly sender: "client" | "server";
  readonly method: string;
}

const listed: Listed[] = Object.entries(specification).flatMap(([version, lists]) => [
  ...rows(version, "client", [...lists.c2s, ...lists.n_c2s]),
  ...rows(version, "server", [...lists.s2c, ...lists.n_s2c]),
  ...("ext_tasks" in lists ? rows(version, "client", lists.ext_tasks.c2s) : []),
  ...("ext_tasks" in lists ? rows(version, "server", lists.ext_tasks.n_s2c) : []),
]);

/** SEP-2640, in no schema yet. */
const skills = ["skills/list", "skills/get", "resources/directory/read"];
listed.push(...rows("2026-07-28", "client", skills));

function rows(version: string, sender: Listed["sender"], methods: readonly string[]): Listed[] {
  return methods.map((method) => ({ version, sender, method }));
}

test("isMethodOf agrees with the official schemas for every version, direction and method [mcp/methods]", () => {
  const methods = [...new Set(listed.map(({ method }) => method))];
  expect(methods.length).toBe(39);
  for (const version of Object.keys(specification)) {
    for (const sender of ["client", "server"] as const) {
      const known = methods.filter((method) => isMethodOf(version, sender, method));
      const wanted = listed.filter((row) => row.version === version && row.sender === sender);
      expect([version, sender, known.toSorted()]).toEqual([
        version,
        sender,
        [...new Set(wanted.map(({ method }) => method))].toSorted(),
      ]);
    }
  }
});

test("findMethod says of every method who may send it in some version", () => {
  for (const { method } of listed) {
    const senders = new Set(listed.filter((row) => row.method === method).map((row) => row.sender));
    const [only] = senders;
    expect(findMethod(method)).toEqual({
      name: method,
      senderRoles: senders.size === 1 && only !== undefined ? only : "both",
    });
  }
});

test("isMethodOf takes 2024-10-07 for 2024-11-05 and knows nothing of other versions", () => {
  expect(isMethodOf("2024-10-07", "client", "initialize")).toBe(true);
  expect(isMethodOf("2099-01-01", "client", "tools/call")).toBe(false);
  expect(isMethodOf("DRAFT", "client", "tools/call")).toBe(false);
  expect([isMethodOf("2025-11-25", "client", "__proto__"), findMethod("constructor")]).toEqual([
    false,
    undefined,
  ]);
});
