/** Signs an EFI program for Secure Boot, always with the same result. */
import { dirname } from "node:path";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import type { SigningKey } from "./signing-key.ts";
import { signerOf } from "./token.ts";

/**
 * @param tools with the provider of tokens where the key is in one
 * @param epochSeconds the time that the signature says it was made at; the clock's would make every build different
 */
export async function signEfi(
  tools: ToolsRoot,
  key: SigningKey,
  { input, output, epochSeconds }: { input: string; output: string; epochSeconds: number },
): Promise<void> {
  const time = new Date(epochSeconds * 1000).toISOString().slice(0, 19).replace("T", " ");
  const { sbsign, options } = signerOf(key);
  const { binds = [], readOnlyBinds = [] } = options;
  const program = ["faketime", "-f", `@${time}`, "/usr/lib/systemd/systemd-sbsign", "sign"] as const;
  await runTool(tools, [...program, ...sbsign, "--output", output, input], {
    ...options,
    binds: [...binds, dirname(output)],
    readOnlyBinds: [...readOnlyBinds, ...(input.startsWith("/usr/") ? [] : [input])],
  });
}
