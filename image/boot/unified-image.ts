/** The unified kernel image: kernel, initrd and command line in one signed EFI program. Source: UAPI specification. */
import { dirname } from "node:path";
import type { Architecture } from "../../variants/variant.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";

export type UnifiedImageParts = {
  architecture: Architecture;
  /** The program that comes first, of the target's architecture. */
  stub: string;
  kernel: string;
  kernelVersion: string;
  /** Archives, one behind the other. */
  initrds: readonly string[];
  commandLine: string;
  osRelease: string;
  epochSeconds: number;
};

/** Names of an architecture in EFI file names. */
export const efiNames: Readonly<Record<Architecture, string>> = { x86_64: "x64", aarch64: "aa64" };

/** Writes the unsigned image. */
export async function makeUnifiedImage(tools: ToolsRoot, output: string, parts: UnifiedImageParts): Promise<void> {
  const { architecture, stub, kernel, kernelVersion, initrds, commandLine, osRelease, epochSeconds } = parts;
  await runTool(
    tools,
    [
      "ukify",
      "build",
      `--efi-arch=${efiNames[architecture]}`,
      `--stub=${stub}`,
      `--linux=${kernel}`,
      `--uname=${kernelVersion}`,
      ...initrds.map((initrd) => `--initrd=${initrd}`),
      `--cmdline=${commandLine}`,
      `--os-release=${osRelease}`,
      `--output=${output}`,
    ],
    {
      binds: [dirname(output)],
      readOnlyBinds: [stub, kernel, ...initrds],
      env: { SOURCE_DATE_EPOCH: String(epochSeconds) },
    },
  );
}
