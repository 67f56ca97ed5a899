/** Whether to colour, by the option, the terminal and the environment. */
import pc from "picocolors";

export type Colors = ReturnType<typeof pc.createColors>;

/** `auto`: on a terminal that is not dumb, unless NO_COLOR is set to anything (no-color.org). */
export function chooseColors(
  choice: "auto" | "always" | "never",
  isTerminal: boolean,
  environment: { readonly NO_COLOR?: string | undefined; readonly TERM?: string | undefined },
): Colors {
  const asked = (environment.NO_COLOR ?? "") === "" && environment.TERM !== "dumb";
  return pc.createColors(choice === "always" || (choice === "auto" && isTerminal && asked));
}
