/** A DNS message in, which addresses it gives for the name that was asked for, out. Source: RFC 1035, 4; RFC 3596. */

export interface DnsAnswer {
  readonly name: string;
  /** 16 bytes each, IPv4 as ::ffff:a.b.c.d. */
  readonly addresses: readonly Buffer[];
}

const HEADER = 12;
const TYPE_A = 1;
const TYPE_AAAA = 28;
const CLASS_IN = 1;
/** More records of one message are not looked at. */
const MAX_RECORDS = 64;
const MAX_NAME = 255;

/** undefined: it is no answer, or cannot be read. `bytes` may begin with the length that stands before each message on TCP. */
export function readDnsAnswer(bytes: Buffer): DnsAnswer | undefined {
  return readMessage(bytes) ?? readMessage(bytes.subarray(2));
}

function readMessage(bytes: Buffer): DnsAnswer | undefined {
  if (bytes.length < HEADER) return undefined;
  const flags = bytes.readUInt16BE(2);
  const isAnswer = (flags & 0x8000) !== 0 && (flags & 0x7800) === 0 && (flags & 0x000f) === 0;
  // one question: nobody asks several
  if (!isAnswer || bytes.readUInt16BE(4) !== 1) return undefined;
  const name = readName(bytes, HEADER);
  if (name === undefined || name.text === "") return undefined;
  const addresses: Buffer[] = [];
  let at = name.end + 4;
  const count = Math.min(bytes.readUInt16BE(6), MAX_RECORDS);
  for (let index = 0; index < count; index++) {
    const record = readRecord(bytes, at);
    if (record === undefined) break;
    if (record.address !== undefined) addresses.push(record.address);
    at = record.end;
  }
  return addresses.length === 0 ? undefined : { name: name.text, addresses };
}

interface DnsRecord {
  readonly end: number;
  readonly address: Buffer | undefined;
}

function readRecord(bytes: Buffer, start: number): DnsRecord | undefined {
  const at = skipName(bytes, start);
  if (at === undefined || at + 10 > bytes.length) return undefined;
  const type = bytes.readUInt16BE(at);
  const length = bytes.readUInt16BE(at + 8);
  const data = at + 10;
  const end = data + length;
  if (end > bytes.length) return undefined;
  const wanted = type === TYPE_A ? 4 : type === TYPE_AAAA ? 16 : undefined;
  const isAddress = length === wanted && bytes.readUInt16BE(at + 2) === CLASS_IN;
  return { end, address: isAddress ? inSixteen(bytes.subarray(data, end)) : undefined };
}

/** A copy: what it was read from is the ring's. */
function inSixteen(address: Buffer): Buffer {
  const bytes = Buffer.alloc(16);
  if (address.length === 4) bytes.fill(0xff, 10, 12);
  address.copy(bytes, 16 - address.length);
  return bytes;
}

/** A name without compression, as it stands in a question. */
function readName(bytes: Buffer, start: number): { text: string; end: number } | undefined {
  const labels: string[] = [];
  let at = start;
  while (at < bytes.length && at - start <= MAX_NAME) {
    const length = bytes[at] ?? 0;
    if (length === 0) return { text: labels.join(".").toLowerCase(), end: at + 1 };
    if (length > 63 || at + 1 + length > bytes.length) return undefined;
    labels.push(bytes.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return undefined;
}

/** Where a name ends: at its 0, or behind a pointer. */
function skipName(bytes: Buffer, start: number): number | undefined {
  let at = start;
  while (at < bytes.length && at - start <= MAX_NAME) {
    const length = bytes[at] ?? 0;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    if (length > 63) return undefined;
    at += 1 + length;
  }
  return undefined;
}
