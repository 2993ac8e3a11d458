/** Ports as people type them. */
import { usageFailure } from "./command.ts";

/** @param least 0 where it stands for a free one @throws {Failure<"usage">} */
export function portOf(text: string, least: 0 | 1): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port >= least && port <= 65_535) return port;
  throw usageFailure(`a port from ${least} to 65535 is expected, not "${text}"`);
}
