/** Lengths of time in a FleetPolicy: "90s", "30m", "4h", "7d", read as milliseconds. */
import { z } from "zod";
import { parseDuration } from "../../lib/duration.ts";

const pattern = /^\d{1,9}[smhdw]$/;

/** A schema for one; `text` is the default. */
export const duration = (text: string) =>
  z
    .string()
    .regex(pattern, "a time such as 90s, 30m, 4h or 7d")
    .default(text)
    .transform((written) => parseDuration(written) * 1000);
