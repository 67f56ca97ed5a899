/** The two native files that Bun embeds: imported as paths that only Bun's own loader and fs can read. */
declare module "*.so" {
  const path: string;
  export default path;
}

declare module "*.bpf.o" {
  const path: string;
  export default path;
}
