/** The one shape of every room before the sinks: items in, items out, no I/O, no clock, no timers. */
export interface Stage<In, Out> {
  push(item: In): readonly Out[];
  /** No more input: give out what is held. */
  end(): readonly Out[];
}
