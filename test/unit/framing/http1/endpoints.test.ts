import { expect, test } from "bun:test";
import { FramingStage } from "../../../../src/framing/framing-stage.ts";
import {
  answer,
  brief,
  CALL,
  ConnectionRun,
  chunked,
  EVENTS_HEAD,
  heard,
  jsonAnswer,
  makeConnection,
  post,
  RESULT,
  type Step,
} from "../http-script.ts";

test("FramingStage tells of failed exchanges on a path that spoke MCP before", () => {
  const steps: Step[] = [
    ["C", post(CALL)],
    [
      "S",
      answer("401 Unauthorized", '{"error":"invalid_token"}', "Content-Type: application/json"),
    ],
    ["C", "GET /mcp?x=1 HTTP/1.1\r\nHost: 127.0.0.1:3001\r\n\r\n"],
    ["S", answer("405 Method Not Allowed", "Method Not Allowed")],
  ];
  expect(heard({ steps })).toEqual([
    ["verdict", "mcp"],
    ["request", "json", 1, CALL],
    ["response", "json", 1, '{"error":"invalid_token"}'],
    ["end", 1, "complete"],
    ["end", 2, "complete"],
  ]);
});

test("FramingStage tells of a request to a path of MCP whose head is too long", () => {
  const framing = new FramingStage();
  const usual = new ConnectionRun(makeConnection(), framing);
  usual.step(["C", post(CALL)]);
  usual.step(["S", jsonAnswer(RESULT)]);
  const long = new ConnectionRun(makeConnection(), framing);
  long.step(["C", post(CALL, `X: ${"x".repeat(70_000)}`)]);
  long.step(["S", answer("431 Request Header Fields Too Large", "no")]);
  const end = long.items.find(({ kind }) => kind === "http-end");
  expect(end).toMatchObject({ outcome: "lost", exchange: { request: { target: "/mcp" } } });
});

test("FramingStage takes no path for one of MCP because of a header alone", () => {
  const get = (field: string) => `GET /reset?token=1 HTTP/1.1\r\nHost: h:1\r\n${field}\r\n`;
  const steps: Step[] = [
    ["C", get("Mcp-X: 1\r\n")],
    ["S", answer("404 Not Found", "no")],
  ];
  const framing = new FramingStage();
  const evil = new ConnectionRun(makeConnection(), framing);
  for (const step of steps) evil.step(step);
  const user = new ConnectionRun(makeConnection(), framing);
  user.step(["C", get("")]);
  user.step(["S", answer("200 OK", "{}")]);
  expect(brief(evil.items)).toContainEqual(["end", 1, "complete"]);
  expect(user.items.filter(({ kind }) => kind === "http-end")).toEqual([]);
});

test("FramingStage tells where the old transport wants its messages, and knows that path", () => {
  const endpoint = "event: endpoint\ndata: /messages?sessionId=7\n\n";
  const steps: Step[] = [
    ["C", "GET /sse HTTP/1.1\r\nHost: h:1\r\nAccept: text/event-stream\r\n\r\n"],
    ["S", EVENTS_HEAD + chunked(endpoint)],
  ];
  const framing = new FramingStage();
  const stream = new ConnectionRun(makeConnection(), framing);
  for (const step of steps) stream.step(step);
  expect(brief(stream.items)).toEqual([
    ["verdict", "mcp"],
    ["endpoint", "/messages?sessionId=7"],
  ]);
  const posts = new ConnectionRun(makeConnection(), framing);
  posts.step([
    "C",
    "POST /messages?sessionId=7 HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\n\r\n",
  ]);
  expect(brief(posts.step(["S", answer("400 Bad Request", "")]))).toEqual([["end", 2, "complete"]]);
});
