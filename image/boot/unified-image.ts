/**
 * The unified kernel image: kernel, initrd and command line in one signed EFI program. Source: UAPI specification.
 *
 * The stub measures all of it into PCR 11 of a TPM before the kernel starts. What the register holds then is known here,
 * and signed: the image brings the signature (`.pcrsig`) and the key that it is by (`.pcrpkey`). A TPM that keeps a secret
 * for that key opens it to this image, to the next one and to the one before. Source: systemd-measure(1), ukify(1).
 */
import { createPublicKey } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { workDirectory } from "../../lib/files/work-directory.ts";
import type { Architecture } from "../../variants/variant.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import { measuredSectionsOf } from "./measured.ts";
import type { SigningKey } from "./signing-key.ts";
import { signerOf } from "./token.ts";

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
  /** Signs what PCR 11 holds once the image has started; to an image without it, a TPM opens nothing. */
  pcrKey: SigningKey | undefined;
};

/** Names of an architecture in EFI file names. */
export const efiNames: Readonly<Record<Architecture, string>> = { x86_64: "x64", aarch64: "aa64" };

/**
 * Writes the image, without a signature for firmware.
 *
 * @param tools with the libraries of a TPM's policies (`policy`), and with the provider of tokens where the key is in one
 */
export async function makeUnifiedImage(tools: ToolsRoot, output: string, parts: UnifiedImageParts): Promise<void> {
  const { pcrKey } = parts;
  if (pcrKey === undefined) {
    await assemble(tools, output, parts, {});
    return;
  }
  await using work = await workDirectory(join(dirname(output), "pcr"));
  const publicKey = join(work.path, "public.pem");
  const { certificate } = pcrKey;
  await writeFile(publicKey, createPublicKey(await readFile(certificate)).export({ type: "spki", format: "pem" }));
  // What is measured is there in full only once the image has been put together.
  await assemble(tools, output, parts, { publicKey });
  const signature = join(work.path, "signature.json");
  await writeFile(signature, await signMeasurement(tools, await readFile(output), work.path, pcrKey));
  await assemble(tools, output, parts, { publicKey, signature });
}

async function assemble(
  tools: ToolsRoot,
  output: string,
  { architecture, stub, kernel, kernelVersion, initrds, commandLine, osRelease, epochSeconds }: UnifiedImageParts,
  { publicKey, signature }: { publicKey?: string; signature?: string },
): Promise<void> {
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
      ...(publicKey === undefined ? [] : [`--pcrpkey=${publicKey}`]),
      ...(signature === undefined ? [] : [`--section=.pcrsig:@${signature}`]),
      `--output=${output}`,
    ],
    {
      binds: [dirname(output)],
      readOnlyBinds: [stub, kernel, ...initrds],
      env: { SOURCE_DATE_EPOCH: String(epochSeconds) },
    },
  );
}

/**
 * The text of `.pcrsig`. Not by ukify, which knows only registers that systemd extends in an initrd and later: here
 * nothing does, and there is one value for the whole of a boot.
 */
async function signMeasurement(
  tools: ToolsRoot,
  unifiedImage: Uint8Array,
  work: string,
  key: SigningKey,
): Promise<string> {
  const sections = [...measuredSectionsOf(unifiedImage)];
  for (const [name, content] of sections) await writeFile(join(work, name), content);
  const { sbsign, options } = signerOf(key);
  const { stdout } = await runTool(
    tools,
    [
      "/usr/lib/systemd/systemd-measure",
      "sign",
      ...sections.map(([name]) => `--${name.slice(1)}=${join(work, name)}`),
      "--bank=sha256",
      "--phase=",
      ...sbsign,
    ],
    { ...options, readOnlyBinds: [...(options.readOnlyBinds ?? []), work] },
  );
  return stdout;
}
