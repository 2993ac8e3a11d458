/** A build whose hosts take extensions: no image, but what an extension is held against. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openSigningKey, type SigningKey } from "../../../image/boot/signing-key.ts";
import { buildExtension } from "../../../image/extension/build-extension.ts";
import { type FinishedBuild, readBuild } from "../../../image/finished-build.ts";
import { payload } from "../../../image/manifest.ts";
import { openToolsRoot, runTool } from "../../../image/packages/tools-root.ts";
import { fileContextsPath } from "../../../image/policy/policy.ts";
import { extensionCertificatePath } from "../../../repo/extension.ts";
import { makeBuild } from "../publish/build.ts";

export type ExtensionBuild = AsyncDisposable & {
  directory: string;
  build: FinishedBuild;
  /** The certificate that its hosts trust, in PEM. */
  certificate: string;
  /** With which it is signed. */
  key: SigningKey;
  /** A directory that stands for `/`, with files by their paths below it. */
  sources(files: Readonly<Record<string, string>>): Promise<string>;
  /** @returns the path of the extension */
  extension(name: string, files: Readonly<Record<string, string>>): Promise<string>;
};

const lockSeconds = 1_700_000_000;

export async function extensionBuild(): Promise<ExtensionBuild> {
  const directory = await mkdtemp(join(tmpdir(), "orlop-extensions-"));
  const tools = await openToolsRoot();
  const key = await openSigningKey(tools, "secure-boot-development", join(directory, "keys"));
  const certificate = await readFile(key.certificate, "utf8");
  const write = async (root: string, files: Readonly<Record<string, string>>): Promise<string> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text, { mode: path.includes("/bin/") ? 0o755 : 0o644 });
    }
    return root;
  };
  let trees = 0;
  const sources: ExtensionBuild["sources"] = async (files) => await write(join(directory, `tree-${trees++}`), files);
  const disk = join(directory, "disk");
  await writeFile(disk, "disk");
  const output = join(directory, "build");
  await mkdir(output);
  const root = await sources({
    "usr/bin/there": "of the image",
    "usr/lib/os-release": "ID=orlop\n",
    [extensionCertificatePath]: certificate,
    [fileContextsPath]: "/.*\tsystem_u:object_r:os_t:s0\n",
  });
  const erofs = join(directory, "root.erofs");
  await runTool(tools, ["mkfs.erofs", "--quiet", `-T${lockSeconds}`, "--all-root", erofs, root], {
    binds: [directory],
  });
  const { manifest, manifestPath } = await makeBuild(output, { variant: "dev", commit: "dafe3b16", image: disk });
  const packed = join(output, manifest.root.name);
  await runTool(tools, ["zstd", "--quiet", "--force", "-o", packed, erofs], { binds: [directory] });
  await writeFile(manifestPath, JSON.stringify({ ...manifest, root: await payload(packed, erofs) }));
  const build = await readBuild(manifestPath);
  return {
    directory,
    build,
    certificate,
    key,
    sources,
    async extension(name, files) {
      const made = join(directory, `made-${trees}`);
      return await buildExtension(build, { name, sources: [await sources(files)], key, output: made });
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}
