/**
 * The official conformance suite, once for each dated revision: against the real binary, which passes every scenario that
 * asks for nothing but MCP; and against a server of the same code that has the tools, resources and prompts which the other
 * scenarios ask for by name.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Started, startBinary, startFixtures } from "./start.ts";
import { missesOf, REVISIONS, type Results, readRequirements, runSuite } from "./suite.ts";

/** What the suite asks of a server that has none of its fixtures. */
const APPLIES = [
  "server-initialize",
  "ping",
  "tools-list",
  "server-sse-multiple-streams",
  "resources-list",
  "resources-subscribe",
  "resources-unsubscribe",
  "prompts-list",
  "sep-2164-resource-not-found",
  "dns-rebinding-protection",
  "caching",
  "input-required-result-unsupported-methods",
  "input-required-result-validate-input",
  "server-session-lifecycle",
  "http-header-validation",
];

/** Scenarios that the binary runs as well, but for the checks that need a fixture. */
const NEEDS_FIXTURE: Readonly<Record<string, readonly string[]>> = {
  "server-stateless": [
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-missing-capability-http-400",
    "sep-2575-http-server-no-independent-requests-on-stream",
    "sep-2575-server-no-log-without-loglevel",
  ],
};

/** What is recommended and not done, with the reason. */
const WARNED: Readonly<Record<string, string>> = {
  "sep-2575-server-sends-prompts-list-changed-on-subscription": "the prompts never change",
  "sep-2575-server-sends-tools-list-changed-on-subscription": "the tools never change",
  "server-sse-priming-event": "no stream can be resumed: answers are short, and asked for again",
  "server-sse-retry-field": "no stream can be resumed: answers are short, and asked for again",
};

/** What no revision requires and neither server does, with the reason. */
const NOT_DONE: Readonly<Record<string, string>> = {
  "tasks-lifecycle": "the tasks extension is optional; every answer takes milliseconds",
  "tasks-capability-negotiation": "as tasks-lifecycle",
  "tasks-wire-fields": "as tasks-lifecycle",
  "tasks-request-state-removal": "as tasks-lifecycle",
  "tasks-mrtr-input": "as tasks-lifecycle",
  "tasks-request-headers": "as tasks-lifecycle",
  "tasks-dispatch-and-envelope": "as tasks-lifecycle",
  "tasks-status-notifications": "as tasks-lifecycle",
  "tasks-required-task-error": "as tasks-lifecycle",
  "tasks-mrtr-composition": "as tasks-lifecycle",
};

describe.each(REVISIONS)("revision %s", async (revision) => {
  const { required, unscored } = await readRequirements(revision);
  const all = [...required, ...unscored.keys()];

  describe("the server with the suite's fixtures", () => {
    let server: Started;
    let results: Results;
    beforeAll(async () => {
      server = await startFixtures();
      results = await runSuite(server.url, revision);
    }, 120_000);
    afterAll(() => server.stop());

    test.each(required)("passes %s", (scenario) => {
      const misses = missesOf(results.get(scenario)).filter(({ id }) => !(id in WARNED));
      expect(misses).toEqual([]);
    });

    test.each([...unscored.keys()])(
      "is known for what it does of %s, which is not scored",
      (scenario) => {
        const misses = missesOf(results.get(scenario)).filter(({ id }) => !(id in WARNED));
        expect({ scenario, passes: misses.length === 0 }).toEqual({
          scenario,
          passes: !(scenario in NOT_DONE),
        });
      },
    );

    test("was asked everything that the revision names [server/conformance]", () => {
      expect([...results.keys()].sort()).toEqual([...all].sort());
    });
  });

  describe("the binary", () => {
    let server: Started;
    let results: Results;
    beforeAll(async () => {
      server = await startBinary();
      results = await runSuite(server.url, revision);
    }, 120_000);
    afterAll(() => server.stop());

    test.each(all.filter((scenario) => APPLIES.includes(scenario)))("passes %s", (scenario) => {
      const misses = missesOf(results.get(scenario)).filter(({ id }) => !(id in WARNED));
      expect(misses).toEqual([]);
    });

    test.each(required.filter((scenario) => scenario in NEEDS_FIXTURE))(
      "passes of %s what needs no fixture",
      (scenario) => {
        const misses = missesOf(results.get(scenario)).filter(({ id }) => !(id in WARNED));
        expect(misses.map(({ id }) => id)).toEqual([...(NEEDS_FIXTURE[scenario] ?? [])]);
      },
    );

    test.each(
      required.filter((scenario) => !APPLIES.includes(scenario) && !(scenario in NEEDS_FIXTURE)),
    )("fails %s for want of a fixture, and for nothing else", (scenario) => {
      const misses = missesOf(results.get(scenario));
      expect(misses.length).toBeGreaterThan(0);
      for (const { id, message } of misses) {
        expect({ id, message }).toEqual({ id, message: expect.stringMatching(FOR_WANT) });
      }
    });
  });
});

/** How the suite says that a tool, a resource or a prompt is not there. */
const FOR_WANT =
  /not found|Not testable|Server returned JSON-RPC error|Expected (?:Input|object)|does not support|Prerequisite failed|Method not found/i;
