/** One changed key on one line. */
import type { z } from "zod";
import type { change } from "../../../../api/answers.ts";

const longest = 120;

/** `settings.motd: "hi" -> "hello"`, with "default" for a side on which nobody set the key. */
export function changeLine({ key, before, after }: z.infer<typeof change>): string {
  return `${key}: ${shown(before)} -> ${shown(after)}`;
}

function shown(value: unknown): string {
  if (value === undefined) return "default";
  const text = JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest - 3)}...` : text;
}
