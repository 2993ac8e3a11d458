/** Bottlerocket's `--format`, for what people and programs read alike; `--json` is as everywhere. */
import { textFormats } from "../../../api/endpoints/query.ts";

/** @param printed what is printed: "the list" */
export const formatOption = (printed: string) =>
  ({
    format: {
      type: "text",
      value: "FORMAT",
      help: `How to print ${printed}`,
      short: "f",
      choices: textFormats,
      default: "text",
    },
  }) as const;
export type FormatOption = ReturnType<typeof formatOption>;
