/** How a simulated life is lived, whatever it is a life of. */

export type SimulatedLife<Event, Counts> = {
  begin(): Promise<void>;
  live(event: Event): Promise<void>;
  end(): Promise<void>;
  counts(): Counts;
};

/** Lives the events in their order; what breaks a promise comes back with the number of its event. */
export async function liveThrough<Event, Counts>(
  life: SimulatedLife<Event, Counts>,
  events: readonly Event[],
): Promise<Counts | (Counts & { failed: { event: number; error: unknown } })> {
  let at = 0;
  try {
    await life.begin();
    for (const event of events) {
      await life.live(event);
      at++;
    }
    await life.end();
    return life.counts();
  } catch (error) {
    return { ...life.counts(), failed: { event: at, error } };
  }
}
