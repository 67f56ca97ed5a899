/** The thread that writes the history, from the binary or from the sources. */

/** Where Bun puts what is compiled into a binary; nobody but us can put anything there. */
const EMBEDDED = "/$bunfs/root/";

export function startStoreThread(): Worker {
  const isCompiled = import.meta.path.startsWith(EMBEDDED);
  return new Worker(
    isCompiled ? `${EMBEDDED}store-worker.js` : new URL("../store-worker.ts", import.meta.url).href,
  );
}
