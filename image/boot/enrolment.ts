/**
 * What puts our certificates into a firmware that has no Secure Boot keys yet: those of the platform key, of the key
 * exchange key, and in the signature database that of the key that signs images, with that of a key for kernel modules
 * where there is one: the kernel takes its platform keyring from there, and modules by it.
 *
 * systemd-boot enrols `loader/keys/auto` by itself in a virtual machine whose firmware is in setup mode, and offers it
 * in its menu on other machines. Source: systemd-boot(7), "secure-boot-enroll".
 */
import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ToolsRoot } from "../packages/tools-root.ts";
import {
  authenticatedUpdate,
  globalVariables,
  guid,
  securityDatabase,
  signatureList,
} from "./authenticated-variable.ts";
import type { BootKeys } from "./signing-key.ts";

const x509 = guid("a5c059a1-94e4-4aa7-87b5-ab155c2bf072");

/** Whose certificate each variable gets, and whose signature a firmware that has keys wants to see on it. */
const variables = {
  PK: { vendor: globalVariables, holds: "platform", signedBy: "platform" },
  KEK: { vendor: globalVariables, holds: "exchange", signedBy: "platform" },
  db: { vendor: securityDatabase, holds: "image", signedBy: "exchange" },
} as const;

/** Files of `loader/keys/auto`, one for each of the firmware's variables. */
export const enrolmentFiles = Object.keys(variables).map((name) => `${name}.auth`);

/** Makes the files in a directory. The same keys and time give the same bytes. */
export async function makeEnrolment(
  tools: ToolsRoot,
  keys: Omit<BootKeys, "pcr"> & {
    /** Path of the certificate of a key that signs kernel modules. */
    modules?: string | undefined;
  },
  directory: string,
  epochSeconds: number,
): Promise<void> {
  for (const [name, { vendor, holds, signedBy }] of Object.entries(variables)) {
    const certificates = [
      keys[holds].certificate,
      ...(name === "db" && keys.modules !== undefined ? [keys.modules] : []),
    ];
    // A list of its own for each: the entries of one are equally long.
    const lists = certificates.map(async (path) =>
      signatureList(x509, [new X509Certificate(await readFile(path)).raw]),
    );
    const content = Buffer.concat(await Promise.all(lists));
    const update = { name, vendor, change: "replace", content } as const;
    const made = await authenticatedUpdate(tools, keys[signedBy], update, { directory, epochSeconds });
    await writeFile(join(directory, `${name}.auth`), made);
  }
}
