export const CASES: Readonly<Record<string, unknown>>;
export const GOOD_CALL: string;
export const GOOD_ANSWER: string;
