/** A type without its `readonly`: for the one room that writes what the others read. */
export type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };
