/** Two ends that told of their connection before they were known to be of one. */
import { expect, test } from "bun:test";
import { StreamStage } from "../../../src/stream/stream-stage.ts";
import { processes } from "./events.ts";
import { CLIENT, reads, SERVER, socketOf, tick, tls, writes } from "./tls-sides.ts";

/** The channels of what each of these brings. */
function hear(stage: StreamStage, ...items: readonly Parameters<StreamStage["push"]>[0][]) {
  return items.map((item) =>
    stage.push(item).map((each) => ("channel" in each ? each.channel?.id : each.kind)),
  );
}

test("StreamStage goes on with the end that was slow to know its socket, when that alone told both directions", () => {
  const stage = new StreamStage(processes());
  stage.push(tls(CLIENT, socketOf(CLIENT)));
  stage.push(tls(SERVER));
  hear(stage, writes(CLIENT, "ask"), reads(SERVER, "ask"), tick(600_000_000));
  expect(hear(stage, writes(SERVER, "answer"))).toEqual([["tls:0-2"]]);
  stage.push(tls(SERVER, socketOf(SERVER)));
  const more = [reads(CLIENT, "answer"), writes(CLIENT, "again", 8), reads(SERVER, "again", 8)];
  expect(hear(stage, ...more)).toEqual([[], [], ["tls:0"]]);
  expect(hear(stage, writes(SERVER, "more", 10), reads(CLIENT, "more", 10))).toEqual([
    ["tls:0-2"],
    [],
  ]);
});

test("StreamStage goes on with the end that knew its socket, when both told both directions", () => {
  const stage = new StreamStage(processes());
  stage.push(tls(CLIENT, socketOf(CLIENT)));
  stage.push(tls(SERVER));
  hear(stage, writes(CLIENT, "ask"), reads(SERVER, "ask"), tick(600_000_000));
  hear(stage, writes(SERVER, "answer"), reads(CLIENT, "answer"));
  stage.push(tls(SERVER, socketOf(SERVER)));
  const more = [writes(CLIENT, "again", 8), reads(SERVER, "again", 8)];
  expect(hear(stage, ...more)).toEqual([["tls:7"], []]);
  expect(hear(stage, writes(SERVER, "more", 10), reads(CLIENT, "more", 10))).toEqual([
    [],
    ["tls:7-2"],
  ]);
  const [up, down] = [CLIENT.reads + 1, CLIENT.reads].map((each) => stage.channels.get(each));
  expect([up?.reverse, down?.reverse]).toEqual([down, up]);
});
