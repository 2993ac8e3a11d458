/** Options by which a verb takes a key that signs for Secure Boot. */
import { resolve } from "node:path";
import type { SigningKey } from "../../image/boot/signing-key.ts";
import { type TextOption, usageFailure } from "../../lib/command/command.ts";

export const signingKeyOptions = {
  "signing-key": {
    type: "text",
    value: "KEY",
    help: "Signs the image for Secure Boot: a file in PEM, or a PKCS #11 URI with module-path and pin-source; the key in ~/.config/orlop/keys unless given",
    complete: "files",
  },
  "signing-certificate": {
    type: "text",
    value: "FILE",
    help: "The certificate of that key, in PEM",
    complete: "files",
  },
} as const satisfies Record<string, TextOption>;

/**
 * The key that two options name together.
 *
 * @throws {Failure<"usage">} when only one of both is given
 */
export function signingKeyIn(
  name: "signing" | "pcr-signing",
  key: string | undefined,
  certificate: string | undefined,
): SigningKey | undefined {
  if (key === undefined && certificate === undefined) return undefined;
  if (key === undefined || certificate === undefined) {
    throw usageFailure(`--${name}-key and --${name}-certificate belong together`);
  }
  return { privateKey: key.startsWith("pkcs11:") ? key : resolve(key), certificate: resolve(certificate) };
}
