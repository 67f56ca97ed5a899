/** Names of fields, options and variables in, whether their values are secrets out. */

/** What the last word of the name says, after case and separators are gone (GITHUB_TOKEN, clientSecret, api-key). */
const SECRET =
  /(?:passwo?r?ds?|passphrase|pwd|passcode|secrets?|apikey|accesskey|accountkey|accesskeyid|secretkey|privatekey|signingkey|encryptionkey|authkey|masterkey|token|authorization|credentials?|cookie|jwt)$/;

/** A word of its own: "pass", "DB_PASS", "dbPass"; not "bypass" or "compass". */
const PASS = /(?:^|[^A-Za-z])[Pp]ass$|[a-z0-9]Pass$|(?:^|[^A-Za-z])PASS$/;

/** Tokens that are positions, counters or words of a language model, among them MCP's own progressToken. */
const HARMLESS =
  /(?:progress|page|sync|continuation|resumption|cursor|cancel|cancellation|stop|eos|bos|pad|unk|mask|sep|start|end|next|prev)token$/;

/** None of the words of SECRET ends like this: most keys are told by their last character. */
const HARMLESS_END = /[a-cf-kmo-ru-xz0-9]$/i;

const MAX_KEY_CHARS = 128;
const MAX_REMEMBERED = 4096;
const remembered = new Map<string, boolean>();

/** By the last character of a key: it names no secret. */
export function endsHarmless(key: string): boolean {
  return HARMLESS_END.test(key);
}

/** "password", "GITHUB_TOKEN", "x-api-key": true; "progressToken", "max_tokens", "tokenizer": false. */
export function isSecretKey(key: string): boolean {
  if (key.length > MAX_KEY_CHARS || endsHarmless(key)) return false;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const plain = key.toLowerCase().replace(/[^a-z0-9]/g, "");
  const secret = (SECRET.test(plain) && !HARMLESS.test(plain)) || PASS.test(key);
  // Keys come from the wire: the memory for them is bounded.
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(key, secret);
  return secret;
}
