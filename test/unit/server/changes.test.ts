import { expect, test } from "bun:test";
import { Changes } from "../../../src/server/changes.ts";
import { connect } from "./connect.ts";
import { call, MemoryHistory, session } from "./memory-history.ts";

class Heard {
  readonly events: string[] = [];
  resourcesChanged(): void {
    this.events.push("list");
  }
  resourceUpdated(uri: string): void {
    this.events.push(uri);
  }
  take(): string[] {
    return this.events.splice(0);
  }
}

test("Changes tells of new sessions, of sessions that go on, and of new calls; of nothing when nothing was written", () => {
  const history = new MemoryHistory();
  history.sessionRecords.push(session(1));
  const changes = new Changes(history);
  const heard = new Heard();
  const stop = changes.listen(heard);
  changes.look();
  expect(heard.take()).toEqual([]);

  history.revision = 1;
  history.sessionRecords.push(session(2));
  changes.look();
  expect(heard.take()).toEqual(["list", "overhear://sessions"]);

  history.revision = 2;
  history.sessionRecords[0] = session(1, { messages: 6 });
  history.callRecords.push(call(5));
  changes.look();
  expect(heard.take()).toEqual([
    "overhear://sessions/s1",
    "overhear://sessions",
    "overhear://calls",
  ]);

  changes.look();
  expect(heard.take()).toEqual([]);
  stop();
  history.revision = 3;
  history.sessionRecords.push(session(3));
  changes.look();
  expect(heard.take()).toEqual([]);
});

test("a client of the legacy era is told that the list changed, and of what it subscribed to", async () => {
  const history = new MemoryHistory();
  history.sessionRecords.push(session(1), session(2));
  await using connected = await connect(history, "legacy");
  const { client, changes } = connected;
  const heard: string[] = [];
  const { promise: told, resolve } = Promise.withResolvers<void>();
  client.setNotificationHandler("notifications/resources/list_changed", () => {
    heard.push("list");
    if (heard.length >= 2) resolve();
  });
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
    heard.push(params.uri);
    if (heard.length >= 2) resolve();
  });
  await client.subscribeResource({ uri: "overhear://sessions/s1" });
  history.revision = 1;
  history.sessionRecords[0] = session(1, { messages: 9 });
  history.sessionRecords[1] = session(2, { messages: 9 });
  history.sessionRecords.push(session(3));
  changes.look();
  await told;
  expect(heard.sort()).toEqual(["list", "overhear://sessions/s1"]);
});

test("a client of the modern era is told what it listens to", async () => {
  const history = new MemoryHistory();
  history.sessionRecords.push(session(1));
  await using connected = await connect(history, "modern");
  const { client, changes } = connected;
  const { promise: told, resolve } = Promise.withResolvers<string>();
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
    resolve(params.uri);
  });
  const subscription = await client.listen({ resourceSubscriptions: ["overhear://sessions/s1"] });
  history.revision = 1;
  history.sessionRecords[0] = session(1, { messages: 9 });
  changes.look();
  expect(await told).toBe("overhear://sessions/s1");
  await subscription.close();
});
