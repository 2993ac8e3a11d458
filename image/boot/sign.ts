/** Signs an EFI program for Secure Boot, always with the same result. */
import { dirname } from "node:path";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import type { SigningKey } from "./signing-key.ts";

/**
 * @param epochSeconds the time that the signature says it was made at; the clock's would make every build different
 */
export async function signEfi(
  tools: ToolsRoot,
  key: SigningKey,
  { input, output, epochSeconds }: { input: string; output: string; epochSeconds: number },
): Promise<void> {
  const time = new Date(epochSeconds * 1000).toISOString().slice(0, 19).replace("T", " ");
  await runTool(
    tools,
    [
      "faketime",
      "-f",
      `@${time}`,
      "/usr/lib/systemd/systemd-sbsign",
      "sign",
      "--private-key",
      key.privateKey,
      "--certificate",
      key.certificate,
      "--output",
      output,
      input,
    ],
    { binds: [dirname(output)], readOnlyBinds: [key.directory, ...(input.startsWith("/usr/") ? [] : [input])] },
  );
}
