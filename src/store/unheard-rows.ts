/** What was lost or cannot be heard in, its rows out. */
import type { Channel } from "../capture/types.ts";
import type { CoverageLine } from "../exchange/types.ts";
import type { Loss } from "../framing/types.ts";
import { endsOf } from "../party.ts";
import type { Cell } from "./batch.ts";
import type { Dimensions, Place } from "./dimensions.ts";
import { plainText } from "./plain-text.ts";

export function coverageRow(
  { channel, process, reason, count, bytes, timeNs }: CoverageLine,
  dimensions: Dimensions,
  place: Place,
): readonly Cell[] {
  return [
    place.nextId(),
    place.micros(timeNs),
    plainText(reason),
    count ?? 1,
    bytes,
    ...hopOf(channel, dimensions, place),
    dimensions.party(process, place),
  ];
}

export function lossRow(
  { channel, bytes, reason, timeNs }: Loss,
  dimensions: Dimensions,
  place: Place,
): readonly Cell[] {
  return [
    place.nextId(),
    place.micros(timeNs),
    reason,
    bytes,
    ...hopOf(channel, dimensions, place),
  ];
}

/** Channel and both ends. */
function hopOf(
  channel: Channel | undefined,
  dimensions: Dimensions,
  place: Place,
): readonly Cell[] {
  const { from, to } = endsOf(channel);
  return [
    channel === undefined ? null : dimensions.channel(channel, place),
    dimensions.party(from, place),
    dimensions.party(to, place),
  ];
}
