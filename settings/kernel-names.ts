/** Names that the kernel gives to its parameters and modules. */
import type { z } from "zod";
import { pattern } from "./text.ts";

/** As below /proc/sys, dots or slashes between words. */
export const sysctlKey: z.ZodType<string> = pattern(
  "a kernel parameter such as net.ipv4.ip_forward: 1 to 128 letters, digits and . / _ - without ..",
  /^(?![./])(?!.*\.\.)[A-Za-z0-9./_-]{1,128}$/,
);

export const moduleName: z.ZodType<string> = pattern(
  "the name of a kernel module: 1 to 56 letters, digits, hyphens and underscores",
  /^[A-Za-z0-9_-]{1,56}$/,
);
