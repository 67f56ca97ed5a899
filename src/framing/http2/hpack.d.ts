/** What is used of hpack.js 2.1.6, which comes without types. All of it throws an Error where the bytes are malformed. */
declare module "hpack.js" {
  export interface Decoder {
    push(block: Uint8Array): void;
    isEmpty(): boolean;
    decodeBit(): 0 | 1;
    decodeInt(): number;
    /** Bytes: a view of what was pushed, or, of Huffman's code, numbers. */
    decodeStr(): Uint8Array | number[];
  }

  export interface Entry {
    readonly name: string;
    readonly value: string;
    readonly nameSize: number;
  }

  export interface Table {
    /** Entries, the static ones included. */
    readonly length: number;
    /** Bytes of the dynamic ones, as RFC 7541, 4.1 counts them. */
    readonly size: number;
    lookup(index: number): Entry;
    add(name: string, value: string, nameSize: number, valueSize: number): void;
    /** Throws where it is over the `maxSize` that the table was made with. */
    updateSize(size: number): void;
  }

  export const decoder: { create(): Decoder };
  export const table: { create(options: { maxSize: number }): Table };
}
