/** Names and durations of Amazon ECS. */
import { pattern } from "./text.ts";
import type { Type } from "../model/type.ts";

export const attributeKey: Type<string> = pattern(
  "an attribute name: 1 to 128 letters, digits and . _ / -",
  /^[A-Za-z0-9._/-]{1,128}$/,
);

export const attributeValue: Type<string> = pattern(
  "an attribute value: 1 to 128 letters, digits and . @ : _ / \\ -, with spaces only inside",
  /^(?! )[A-Za-z0-9.@:_/\\ -]{1,128}(?<! )$/,
);

const decimal = "(?:\\d+(?:\\.\\d*)?|\\.\\d+)";

export const agentDuration: Type<string> = pattern(
  "a duration such as 1h5m or 30s, with the units h, m, s, ms, us, ns in this order",
  new RegExp(
    `^(?=.)(?:${decimal}h)?(?:${decimal}m)?(?:${decimal}s)?(?:${decimal}ms)?(?:${decimal}us)?(?:${decimal}ns)?$`,
  ),
);
