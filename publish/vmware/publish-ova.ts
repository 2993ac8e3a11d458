/** A build becomes an OVA: one file that vSphere and its kin make machines from. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { artefactOf, type FinishedBuild } from "../../image/finished-build.ts";
import { artefact } from "../../image/manifest.ts";
import { openSigningKey } from "../../image/boot/signing-key.ts";
import { epochSecondsOf, readLock } from "../../image/packages/lock.ts";
import { openToolsRoot, runTool, type ToolsRoot } from "../../image/packages/tools-root.ts";
import { Failure } from "../../lib/failure.ts";
import { workDirectory } from "../../lib/files/work-directory.ts";
import { ovfDescriptor } from "./ovf.ts";
import { certificateFile, manifestOf } from "./signature.ts";
import { streamOptimizedDisk } from "./vmdk.ts";

export type OvaOptions = {
  /** Directory; the build's own unless given. */
  output?: string | undefined;
  /** Files in PEM that sign the manifest; the key that signs images unless given. */
  signer?: { key: string; certificate: string } | undefined;
  diskGib: number;
  cpus: number;
  memoryMib: number;
  signal: AbortSignal;
};

/**
 * Writes `<name>.ova`.
 *
 * @returns its path
 * @throws {Failure<"wrong-architecture">} vSphere runs nothing else
 */
export async function publishOva(build: FinishedBuild, options: OvaOptions): Promise<string> {
  const { name, manifest } = build;
  const output = resolve(options.output ?? dirname(build.manifestPath));
  const { diskGib, cpus, memoryMib, signal } = options;
  if (manifest.architecture !== "x86_64") {
    throw new Failure(
      "wrong-architecture",
      `cannot make an OVA of ${name}: it is for ${manifest.architecture}, expected x86_64`,
    );
  }
  const tools = await openToolsRoot({ signal });
  const image = await artefactOf(build, manifest.disk);
  await using work = await workDirectory(join(output, ".work"));
  const names = { ovf: `${name}.ovf`, mf: `${name}.mf`, cert: `${name}.cert`, disk: `${name}.vmdk` };
  const path = (file: string): string => join(work.path, file);
  await streamOptimizedDisk(tools, {
    image,
    output: path(names.disk),
    gib: diskGib,
    identity: manifest.disk.sha256,
    signal,
  });
  const disk = await artefact(path(names.disk));
  const { variant, version } = manifest;
  const descriptor = ovfDescriptor({
    name,
    variant,
    version,
    disk: { file: disk.name, bytes: disk.bytes },
    diskGib,
    cpus,
    memoryMib,
  });
  await writeFile(path(names.ovf), descriptor);
  const listed = manifestOf([await artefact(path(names.ovf)), disk]);
  await writeFile(path(names.mf), listed);
  await writeFile(path(names.cert), certificateFile({ name: names.mf, text: listed }, await signerOf(tools, options)));
  const ova = `${name}.ova`;
  await packOva(tools, work.path, ova, [names.ovf, names.mf, names.cert, names.disk], signal);
  await rename(path(ova), join(output, ova));
  return join(output, ova);
}

/** DSP0243 wants the descriptor first, then what vouches for it, and a tar of the form that POSIX calls ustar. */
async function packOva(
  tools: ToolsRoot,
  directory: string,
  ova: string,
  files: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const epochSeconds = epochSecondsOf(await readLock("x86_64"));
  const owner = ["--owner=0", "--group=0", "--numeric-owner", "--mode=0644", `--mtime=@${epochSeconds}`];
  const argv = ["tar", "--format=ustar", ...owner, "-cf", join(directory, ova), "-C", directory, ...files] as const;
  await runTool(tools, argv, { binds: [directory], signal });
}

async function signerOf(tools: ToolsRoot, { signer }: OvaOptions): Promise<{ key: string; certificate: string }> {
  const { privateKey, certificate } = await openSigningKey(tools, "secure-boot");
  const files = signer ?? { key: privateKey, certificate };
  return { key: await readFile(files.key, "utf8"), certificate: await readFile(files.certificate, "utf8") };
}
