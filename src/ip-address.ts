/** The 16 bytes of an address in, its text out, and back. */

const MAPPED = Buffer.from("00000000000000000000ffff", "hex");

/** "127.0.0.1" of an IPv4-mapped address, else IPv6 as RFC 5952 writes it: lower case, the longest run of zeros as "::". */
export function formatAddress(bytes: Buffer): string {
  if (bytes.subarray(0, 12).equals(MAPPED)) return bytes.subarray(12, 16).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2));
  const { start, length } = longestZeros(groups);
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** The other way round; `text` is one that `formatAddress` made. */
export function parseAddress(text: string): Buffer {
  if (!text.includes(":")) return Buffer.concat([MAPPED, Buffer.from(text.split(".").map(Number))]);
  const bytes = Buffer.alloc(16);
  const [head = "", tail] = text.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  for (const [index, group] of groups(head).entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2);
  }
  for (const [index, group] of groups(tail ?? "")
    .reverse()
    .entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 14 - index * 2);
  }
  return bytes;
}

/** The first of the longest runs. */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
