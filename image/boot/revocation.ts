/**
 * Images that firmware shall not start any more, however well they are signed: an update of `dbx` with their hashes.
 *
 * A signature is good for ever; what was good when it was made may have a hole by now. Sources: UEFI specification 2.10,
 * section 32.5.3.3 (dbx).
 */
import type { ToolsRoot } from "../packages/tools-root.ts";
import { authenticatedUpdate, guid, securityDatabase, signatureList } from "./authenticated-variable.ts";
import type { SigningKey } from "./signing-key.ts";

const sha256 = guid("c1c41626-504c-4092-aca9-41f936934328");

/** For the firmware of machines that know the key exchange key; it adds to what `dbx` holds there. */
export async function revocationOf(
  tools: ToolsRoot,
  exchange: SigningKey,
  hashes: readonly Buffer[],
  options: { directory: string; epochSeconds: number },
): Promise<Buffer> {
  const content = signatureList(sha256, hashes);
  const update = { name: "dbx", vendor: securityDatabase, change: "append", content } as const;
  return await authenticatedUpdate(tools, exchange, update, options);
}
