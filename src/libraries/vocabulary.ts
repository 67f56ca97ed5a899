/** The words of the types, as lists to check a text against. */
import type { Abi, FoundBy, Role, TlsStack } from "./types.ts";

/** The keys of a record that must name each word once. */
function words<Word extends string>(record: Readonly<Record<Word, true>>): readonly Word[] {
  const list: Word[] = [];
  for (const word in record) list.push(word);
  return list;
}

export const STACKS = words<TlsStack>({
  openssl: true,
  boringssl: true,
  gnutls: true,
  nss: true,
  go: true,
  dotnet: true,
  rustls: true,
  java: true,
});

export const ROLES = words<Role>({
  read: true,
  write: true,
  read_ex: true,
  write_ex: true,
  set_fd: true,
  set_rfd: true,
  set_wfd: true,
  set_fds: true,
  set_bio: true,
  import_fd: true,
  free: true,
});

export const ABIS = words<Abi>({ c: true, "go-register": true, "go-stack": true });

export const FINDERS = words<FoundBy>({ symbols: true, "error-sites": true, pclntab: true });
