/** The client of the official SDK with its recorder, for `bun build --compile`. */
import "../../http/record.mjs";
import "../../clients/v2.mjs";
