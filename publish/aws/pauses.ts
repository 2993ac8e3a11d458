/** How long to wait between two questions about something that takes its time, in milliseconds: longer each time. */
export function* pauses(): Generator<number, never> {
  for (let ms = firstMs; ; ms = Math.min(ms * 2, longestMs)) yield ms;
}

const firstMs = 500;
const longestMs = 15_000;
