import { expect, test } from "bun:test";
import { readMessages, readOne } from "./read-line.ts";
import { objects, UNFIT_LINES } from "./unfit-lines.ts";

test.each(Object.entries(UNFIT_LINES))(
  "MessageStage tells what some reader of JSON would refuse: %s",
  (_, { text, texts, flags }) => {
    const message = readOne(text);
    const how = flags.includes("as_text") ? "text" : "mended";
    const unfit = Object.entries(message.unfit ?? {}).filter(([, each]) => each !== undefined);
    expect(unfit).toEqual(Object.keys(texts).map((member) => [member, how]));
    expect(message.flags).toEqual([...flags]);
  },
);

test("MessageStage tells it of each element of a batch", () => {
  const [deep, half, plain] = readMessages(
    `[{"jsonrpc":"2.0","id":1,"method":"ping","params":${objects(126)}},` +
      '{"jsonrpc":"2.0","id":2,"method":"ping","params":["\\udc00"]},{"jsonrpc":"2.0","id":3,"method":"ping"}]',
  );
  expect(deep).toMatchObject({ flags: ["as_text"], unfit: { params: "text" } });
  expect(half).toMatchObject({ flags: ["lone_surrogate"], unfit: { params: "mended" } });
  expect(plain?.unfit).toBeUndefined();
});

test("MessageStage tells it of members that have no place in a message", () => {
  const text = `{"jsonrpc":"2.0","id":1,"method":"ping","error":[1e999],"result":${objects(126)}}`;
  expect(readOne(text)).toMatchObject({
    flags: ["as_text"],
    unfit: { params: undefined, result: "text", error: "text" },
  });
});

test("MessageStage takes the last of two equal members", () => {
  const text = `{"jsonrpc":"2.0","id":1,"method":"ping","params":${objects(126)},"params":{}}`;
  expect(readOne(text)).toMatchObject({ flags: ["duplicate_key"], unfit: undefined });
});
