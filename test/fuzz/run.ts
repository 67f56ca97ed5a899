/**
 * Fuzzes every target for its share of the time: bun test/fuzz/run.ts [seconds] [seed] [target]
 * Prints the seed; on a broken promise prints the input too and exits 1. Inputs grow out of a corpus
 * that mutants may join, so that changes add up.
 */
import { argvTarget } from "./argv-target.ts";
import { framingTarget } from "./framing-target.ts";
import { http2Target, httpTarget } from "./http-target.ts";
import { jsonTarget } from "./json-target.ts";
import { librariesTarget } from "./libraries-target.ts";
import { messageTarget } from "./message-target.ts";
import { mutate } from "./mutate.ts";
import { redactTarget } from "./redact-target.ts";
import { replayTarget } from "./replay-target.ts";
import { storeTarget } from "./store-target.ts";
import { type FuzzTarget, makeRandom } from "./target.ts";

const MAX_CORPUS = 500;

const targets: readonly FuzzTarget[] = [
  framingTarget,
  httpTarget,
  http2Target,
  messageTarget,
  jsonTarget,
  redactTarget,
  replayTarget,
  storeTarget,
  argvTarget,
  librariesTarget,
];

/** Gives the number of inputs tried; exits when one of them breaks a promise. */
function fuzz(target: FuzzTarget, seed: number, milliseconds: number): number {
  const random = makeRandom(seed);
  const corpus = [...target.seeds];
  const pick = () => corpus[random(corpus.length)] ?? new Uint8Array();
  const until = performance.now() + milliseconds;
  let count = 0;
  for (; count < target.seeds.length || performance.now() < until; count++) {
    const input = target.seeds[count] ?? mutate(pick(), pick(), random);
    try {
      target.check(input, random);
    } catch (error) {
      const base64 = Buffer.from(input).toString("base64");
      process.stderr.write(`${target.name} failed, seed ${seed}, input ${count}: ${base64}\n`);
      process.stderr.write(`${Bun.inspect(error)}\n`);
      process.exit(1);
    }
    if (random(20) === 0)
      corpus[corpus.length < MAX_CORPUS ? corpus.length : random(MAX_CORPUS)] = input;
  }
  return count;
}

const [seconds = "5", seedText, name] = process.argv.slice(2);
const seed = seedText === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seedText);
const chosen = targets.filter((target) => name === undefined || target.name === name);
for (const target of chosen) {
  const count = fuzz(target, seed, (Number(seconds) * 1000) / chosen.length);
  process.stdout.write(`${target.name}: ${count} inputs, seed ${seed}\n`);
}
