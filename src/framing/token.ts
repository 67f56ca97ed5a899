/** RFC 9110, 5.6.2: 1 for every byte that may stand in a token, as methods and field names are. */
export const TOKEN = new Uint8Array(256);
for (const byte of Buffer.from(
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
)) {
  TOKEN[byte] = 1;
}
