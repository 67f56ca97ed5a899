/** What a file's symbols say in; the stacks whose functions have names out. */
import type { NotHeard, Probe, Role, TlsStack } from "./types.ts";

interface NamedStack {
  readonly stack: TlsStack;
  readonly calls?: TlsStack;
  readonly functions: Readonly<Record<string, Role>>;
  /** A function that does what the others are asked for: where the first is, the second calls it and is left out. */
  readonly insteadOf?: Readonly<Record<string, string>>;
}

const SSL_FUNCTIONS: Readonly<Record<string, Role>> = {
  SSL_read: "read",
  SSL_read_ex: "read_ex",
  SSL_write: "write",
  SSL_write_ex: "write_ex",
  SSL_set_fd: "set_fd",
  SSL_set_rfd: "set_rfd",
  SSL_set_wfd: "set_wfd",
  SSL_set_bio: "set_bio",
  SSL_free: "free",
};

/** Only BoringSSL and what came of it have it. */
const BORINGSSL_ONLY = "SSL_set_custom_verify";
/** Only the virtual machine has it. */
const JAVA = "JNI_CreateJavaVM";

const STACKS: readonly NamedStack[] = [
  { stack: "openssl", functions: SSL_FUNCTIONS },
  {
    stack: "gnutls",
    functions: {
      gnutls_record_recv: "read",
      gnutls_record_recv_seq: "read",
      gnutls_record_send: "write",
      gnutls_record_send2: "write",
      gnutls_transport_set_int2: "set_fds",
      gnutls_deinit: "free",
    },
    // since GnuTLS 3.6.3, whose record_send does nothing else than to jump there
    insteadOf: { gnutls_record_send2: "gnutls_record_send" },
  },
  {
    // NSPR: these read and write plain files as well, and what is read says which it was
    stack: "nss",
    functions: {
      PR_Read: "read",
      PR_Recv: "read",
      PR_Write: "write",
      PR_Send: "write",
      PR_Close: "free",
    },
  },
  { stack: "nss", functions: { SSL_ImportFD: "import_fd" } },
  {
    // a layer over the OpenSSL that it loads
    stack: "dotnet",
    calls: "openssl",
    functions: {
      CryptoNative_SslRead: "read",
      CryptoNative_SslWrite: "write",
      CryptoNative_SslSetBio: "set_bio",
      CryptoNative_SslDestroy: "free",
    },
  },
];

/** The names to look up in a file's symbol tables. */
export const STACK_FUNCTIONS: readonly string[] = [
  ...STACKS.flatMap(({ functions }) => Object.keys(functions)),
  BORINGSSL_ONLY,
  JAVA,
];

export interface Named {
  readonly stack: TlsStack;
  readonly calls: TlsStack | undefined;
  readonly probes: readonly Probe[];
}

/** `functions`: names with the bytes of the file at which they begin. */
export function namedStacks(functions: ReadonlyMap<string, readonly number[]>): {
  readonly named: readonly Named[];
  readonly notHeard: readonly NotHeard[];
} {
  const named: Named[] = [];
  const notHeard: NotHeard[] = [];
  for (const one of STACKS) {
    const stack =
      one.stack === "openssl" && functions.has(BORINGSSL_ONLY) ? "boringssl" : one.stack;
    const probes = probesOf(one, functions);
    if (typeof probes === "string") notHeard.push({ stack, reason: probes });
    else if (probes.length > 0) named.push({ stack, calls: one.calls, probes });
  }
  if (functions.has(JAVA)) {
    notHeard.push({ stack: "java", reason: "Java's TLS is compiled while the program runs" });
  }
  return { named, notHeard };
}

/** A reason where a name is no single place, or what reads is there and what writes is not. */
function probesOf(
  { functions, insteadOf = {} }: NamedStack,
  found: ReadonlyMap<string, readonly number[]>,
): Probe[] | string {
  const probes: Probe[] = [];
  const replaced = Object.entries(insteadOf).flatMap(([by, name]) => (found.has(by) ? [name] : []));
  for (const [name, role] of Object.entries(functions)) {
    const [entry, other] = found.get(name) ?? [];
    if (entry === undefined || replaced.includes(name)) continue;
    if (other !== undefined) return `two functions are called ${name}`;
    probes.push({ function: name, role, entry, returns: undefined });
  }
  return problemOf(probes, Object.values(functions)) ?? probes;
}

/** What only frees or names descriptors, and moves nothing, is no stack. */
function problemOf(probes: Probe[], roles: readonly Role[]): string | undefined {
  const has = (role: Role) => probes.some((probe) => probe.role.startsWith(role));
  if (!roles.includes("read") || (has("read") && has("write"))) return undefined;
  const reads = has("read");
  if (reads === has("write")) {
    probes.length = 0;
    return undefined;
  }
  return `its symbols name what ${reads ? "reads" : "writes"} and not what ${reads ? "writes" : "reads"}`;
}
