import { type Clock, machineClock } from "./clock.ts";
import { formatDuration } from "./duration.ts";
/** Shows how far a long step is: a bar on a terminal, a line now and then otherwise. Everything goes to stderr. */

const redrawMs = 100;
const lineEveryMs = 5_000;

export type Progress = Disposable & {
  /** Adds to what is done, in the unit of `total`. */
  advance(amount: number): void;
  /** Replaces the words behind the bar. */
  detail(words: string): void;
};

/** A sentence about a step that is too short for a bar. */
export function say(words: string): void {
  process.stderr.write(`${words}\n`);
}

/**
 * Starts a bar. Dispose it when the step ends, however it ends.
 *
 * @param label what is going on, for example "downloading packages"
 * @param total how much there is to do, in bytes or in things; undefined when it is not known
 */
export function progress(
  label: string,
  total?: number,
  unit: "bytes" | "things" = "bytes",
  clock: Pick<Clock, "elapsedMs"> = machineClock,
): Progress {
  const terminal = process.stderr.isTTY === true;
  const startedMs = clock.elapsedMs();
  let done = 0;
  let words = "";
  let drawnMs = Number.NEGATIVE_INFINITY;
  let drawn = "";

  const render = (): string => {
    const seconds = (clock.elapsedMs() - startedMs) / 1000;
    const rate = seconds > 0 ? done / seconds : 0;
    const amount = (value: number): string => (unit === "bytes" ? formatBytes(value) : String(Math.round(value)));
    const parts = [label];
    if (total !== undefined && total > 0) {
      const share = Math.min(1, done / total);
      if (terminal) parts.push(`[${"=".repeat(Math.round(share * 24)).padEnd(24)}]`);
      parts.push(`${Math.floor(share * 100)}%`, `${amount(done)} of ${amount(total)}`);
      if (unit === "bytes") parts.push(`${amount(rate)}/s`);
      if (rate > 0 && done < total) parts.push(`${formatDuration((total - done) / rate)} left`);
    } else if (done > 0) {
      parts.push(amount(done));
      if (unit === "bytes") parts.push(`${amount(rate)}/s`);
    }
    if (words !== "") parts.push(words);
    return parts.join("  ");
  };
  const draw = (): void => {
    const nowMs = clock.elapsedMs();
    if (nowMs - drawnMs < (terminal ? redrawMs : lineEveryMs)) return;
    drawnMs = nowMs;
    const text = render();
    if (terminal) process.stderr.write(`\r\x1b[2K${text.slice(0, process.stderr.columns ?? 120)}`);
    else if (text !== drawn) process.stderr.write(`${text}\n`);
    drawn = text;
  };

  draw();
  return {
    advance(amount) {
      done += amount;
      draw();
    },
    detail(text) {
      words = text;
      draw();
    },
    [Symbol.dispose]() {
      words = `took ${formatDuration((clock.elapsedMs() - startedMs) / 1000)}`;
      process.stderr.write(terminal ? `\r\x1b[2K${render()}\n` : `${render()}\n`);
    },
  };
}

/** "12.3 MiB" */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let power = 0;
  while (bytes >= 1024 && power < units.length - 1) {
    bytes /= 1024;
    power++;
  }
  return `${power === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[power]}`;
}
