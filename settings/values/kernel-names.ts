/** Names that the kernel gives to its parameters and modules. */
import { pattern } from "./text.ts";
import type { Type } from "../model/type.ts";

/** As below /proc/sys, dots or slashes between words. */
export const sysctlKey: Type<string> = pattern(
  "a kernel parameter such as net.ipv4.ip_forward: 1 to 128 letters, digits and . / _ - without ..",
  /^(?![./])(?!.*\.\.)[A-Za-z0-9./_-]{1,128}$/,
);

export const moduleName: Type<string> = pattern(
  "the name of a kernel module: 1 to 56 letters, digits, hyphens and underscores",
  /^[A-Za-z0-9_-]{1,56}$/,
);

export const bootParameter: Type<string> = pattern(
  "a parameter such as console or usbcore.quirks: dot-separated words of letters, digits, hyphens and underscores",
  /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/,
);

/** The kernel takes double quotes around a value away and knows no way to escape one inside. */
export const bootValue: Type<string> = pattern(
  "printable ASCII without both kinds of quotes, double ones only around all of it",
  /^(?!.*".*')(?!.*'.*")(?:[ !#-~]{0,1024}|"[ !#-~]{0,1022}")$/,
);
