/** Amounts, thresholds, durations and sets of processors in the notation of Kubernetes. */
import { pattern } from "./text.ts";
import type { Type } from "./type.ts";

const decimal = "(?:\\d+(?:\\.\\d*)?|\\.\\d+)";
const quantityText = `[+-]?${decimal}(?:[eE][+-]?\\d+|[EPTGMK]i|[EPTGMKkmun])?`;

export const quantity: Type<string> = pattern("a quantity such as 500m, 1.5 or 10Mi", new RegExp(`^${quantityText}$`));

export const threshold: Type<string> = pattern(
  "a percentage from 0% to below 100%, or a quantity such as 100Mi",
  new RegExp(`^(?:${decimal}%|${quantityText})$`),
  (text) => !text.endsWith("%") || Number(text.slice(0, -1)) < 100,
);

/** Hours, minutes, seconds and milliseconds, each at most once. */
export const duration: Type<string> = pattern(
  "a duration such as 1h5m or 30s, with the units h, m, s, ms in this order",
  new RegExp(`^(?=.)(?:${decimal}h)?(?:${decimal}m)?(?:${decimal}s)?(?:${decimal}ms)?$`),
);

/** The numbers of processors: `0-3,7`. */
export const cpuSet: Type<string> = pattern(
  "a set of processors such as 0-3,7",
  /^\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?)*$/,
  (text) =>
    text.split(",").every((range) => {
      const [first = "", last = first] = range.split("-");
      return Number(first) <= Number(last);
    }),
);
