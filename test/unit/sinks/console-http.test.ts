import { describe, expect, test } from "bun:test";
import type { HttpLine } from "../../../src/exchange/types.ts";
import { chooseColors } from "../../../src/sinks/color.ts";
import { type ConsoleLineOptions, ConsoleLineRenderer } from "../../../src/sinks/console-line.ts";
import { redactor } from "../../../src/sinks/redact.ts";
import {
  curl,
  exchange,
  HOST,
  httpAnswer,
  httpCall,
  httpLine,
  httpRequest,
  httpResponse,
  httpSession,
  up,
} from "./http-items.ts";
import { clock, loss, session, sessionLine } from "./items.ts";

function renderer(over: Partial<ConsoleLineOptions> = {}): ConsoleLineRenderer {
  const colors = chooseColors("never", false, {});
  const columns = () => undefined;
  return new ConsoleLineRenderer({
    clock,
    colors,
    redactor: undefined,
    columns,
    quiet: false,
    ...over,
  });
}

/** Behind the local time, whose zone is the machine's. */
const untimed = (line: string) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} /, "");

function ended(status: number, over: Partial<HttpLine> = {}): HttpLine {
  return httpLine({ exchange: exchange({ response: httpResponse({ status }) }), ...over });
}

describe("ConsoleLineRenderer on HTTP", () => {
  test("ConsoleLineRenderer shows by what address the server is asked, in both directions", () => {
    const view = renderer();
    const of = exchange({ response: httpResponse() });
    const lines = [view.render(httpCall(of)), view.render(httpAnswer(of)), view.render(httpLine())];
    expect(lines.map(untimed)).toEqual([
      'curl[1]                    → 127.0.0.1:3001/mcp node[2] REQ  tools/call get_weather {"city":"Oslo"}\n',
      '127.0.0.1:3001/mcp node[2] → curl[1]                    RES  tools/call get_weather 23.4 ms "4 °C"\n',
      "curl[1]                    → 127.0.0.1:3001/mcp node[2] HTTP POST 401 text/html 1.27 ms\n",
    ]);
  });

  test.each([
    [72, ":3001 node", "curl"],
    [40, "node", "curl"],
    [80, ":3001/mcp node", "curl"],
    [100, ":3001/mcp node", "curl"],
    [120, "127.0.0.1:3001/mcp node[2]", "curl[1]"],
  ])(
    "ConsoleLineRenderer in %d columns gives as much of it as leaves room: %s",
    (columns, server, from) => {
      const line = untimed(renderer({ columns: () => columns }).render(httpCall(exchange())));
      const width = Math.max(columns === 40 ? 8 : 10, server.length);
      const tool = columns < 110 ? "get_" : "tools/call get_";
      expect(line).toStartWith(`${from.padEnd(width)} → ${server.padEnd(width)} REQ  ${tool}`);
    },
  );

  test.each([
    [160, "127.0.0.1:3001/mcp everything[2]"],
    [112, ":3001/mcp everything[2]"],
    [100, ":3001/mcp everything"],
    [86, ":3001 everything"],
    [79, "everything"],
    [66, "everythi…"],
  ])("ConsoleLineRenderer in %d columns cuts a name before the place: %s", (columns, server) => {
    const line = httpCall(exchange());
    const serverInfo = { name: "mcp-servers/everything", version: "1" };
    const named = { ...line, session: { ...line.session, serverInfo } };
    const shown = untimed(renderer({ columns: () => columns }).render(named));
    expect(shown.split("→")[1]?.split(" REQ")[0]?.trim()).toBe(server);
  });

  test.each([80, 110])(
    "ConsoleLineRenderer keeps long places and names within %d columns",
    (columns) => {
      const target = `/tenants/${"x".repeat(2_000)}/mcp?token=1`;
      const request = httpRequest({ target, authority: "mcp.internal.example.com:8443" });
      const of = exchange({ request, response: httpResponse({ status: 503 }) });
      const view = renderer({ columns: () => columns });
      for (const line of [httpCall(of), httpAnswer(of), httpLine({ exchange: of })]) {
        const shown = view.render(line);
        for (const each of shown.split("\n")) {
          expect(Bun.stringWidth(each)).toBeLessThanOrEqual(columns);
        }
        expect(shown).toMatch(/ (REQ|RES|HTTP) +(\S{10}|POST 503)/);
      }
    },
  );

  test("ConsoleLineRenderer names another host by its address, once", () => {
    const view = renderer();
    const asked = (authority: string) =>
      exchange({ request: httpRequest({ authority }), requestChannel: up({ reader: HOST }) });
    const ends = (of: ReturnType<typeof asked>) =>
      untimed(view.render(httpCall(of)))
        .replace(/ +REQ.*\n$/, "")
        .replace(/ +/g, " ");
    expect(ends(asked("10.0.0.5:3001"))).toBe("curl[1] → 10.0.0.5:3001/mcp");
    expect(ends(asked("api.example.com"))).toBe("curl[1] → api.example.com/mcp 10.0.0.5");
    expect(ends(exchange({ requestChannel: up({ writer: HOST }) }))).toBe(
      "10.0.0.5 → 127.0.0.1:3001/mcp node[2]",
    );
  });

  test("ConsoleLineRenderer says ? for a party that is not known, and shows sessions and losses of connections", () => {
    const view = renderer();
    const talk = session({ ...httpSession, client: undefined, server: HOST });
    const lines = [
      view.render({ ...httpCall(exchange()), from: undefined }),
      view.render(sessionLine({ session: talk })),
      view.render(sessionLine({ session: { ...httpSession, authority: "localhost:3001" } })),
      view.render(loss({ channel: up({ writer: undefined, reverse: up({ reader: curl }) }) })),
    ].map((line) => untimed(line).replace(/ +/g, " "));
    expect(lines).toEqual([
      '? → 127.0.0.1:3001/mcp node[2] REQ tools/call get_weather {"city":"Oslo"}\n',
      "? → 10.0.0.5 --- session starts\n",
      "curl[1] → localhost:3001 node[2] --- session starts\n",
      "curl[1] → node[2] LOSS 4.1 kB lost: ring_full\n",
    ]);
  });

  test.each([
    [ended(202), "POST 202 1.27 ms", false],
    [ended(400), "POST 400 1.27 ms", true],
    [ended(200, { outcome: "cut" }), "POST 200 cut 1.27 ms", true],
    [ended(200, { outcome: "lost" }), "POST 200 lost 1.27 ms", true],
    [httpLine({ exchange: exchange(), outcome: "cut" }), "POST cut 1.27 ms", true],
    [ended(200, { flags: ["ambiguous_http"] }), "POST 200 (ambiguous head) 1.27 ms", true],
    [
      httpLine({
        exchange: exchange({ request: undefined, response: httpResponse({ status: 500 }) }),
      }),
      "? 500",
      true,
    ],
  ])(
    "ConsoleLineRenderer shows an exchange without a message, also when quiet if it failed: %#",
    (line, text, failed) => {
      expect(untimed(renderer().render(line))).toEndWith(`HTTP ${text}\n`);
      expect(renderer({ quiet: true }).render(line) !== "").toBe(failed);
    },
  );

  test("ConsoleLineRenderer colours a failed exchange red", () => {
    const view = renderer({ colors: chooseColors("always", false, {}) });
    expect(view.render(ended(404))).toContain("\u001b[31m");
    expect(view.render(ended(200, { outcome: "cut" }))).toContain("\u001b[31m");
    expect(view.render(ended(204))).not.toContain("\u001b[31m");
  });

  test("ConsoleLineRenderer shows a path where the ends have no room for it", () => {
    const line = renderer({ columns: () => 80 }).render(ended(404));
    expect(line).toContain(" HTTP POST 404 1.27 ms /mcp");
  });

  test("ConsoleLineRenderer shows no query, masks secrets and prints no control character of a head", () => {
    const request = httpRequest({
      target: "/a;password=hunter2/\u001b[2J\n?key=hunter2",
      authority: "password=hunter2",
      method: "P\u202e",
    });
    const of = exchange({ request, response: httpResponse({ status: 401 }) });
    const view = renderer({ redactor });
    const text = view.render(httpCall(of)) + view.render(httpLine({ exchange: of }));
    expect(text).not.toContain("hunter2");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is tested
    expect(text.replaceAll("\n", "")).not.toMatch(/[\0-\x1f\x7f-\x9f\u202e]/);
    expect(text.split("\n")).toHaveLength(3);
  });

  test("ConsoleLineRenderer shows a server's own request from the server's address", () => {
    const of = exchange({ response: httpResponse() });
    const line = httpAnswer(of, { mode: "sse" });
    const shown = untimed(renderer().render(line));
    expect(shown).toStartWith("127.0.0.1:3001/mcp node[2] → curl[1] ");
    const back = { ...httpCall(of), direction: "client-to-server" } as const;
    expect(untimed(renderer().render(back))).toContain(" → 127.0.0.1:3001/mcp node[2] ");
  });
});
