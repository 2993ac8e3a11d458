/** A real signed repository on a loopback server, for tests of what reads it. */
import { createPrivateKey } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defined } from "../../../lib/defined.ts";
import { defaultExpirations, type ExpirationPolicy } from "../../../repo/roles/expiration.ts";
import { generateKeyPem } from "../../../repo/roles/key.ts";
import type { Machines } from "../../../repo/manifest.ts";
import { initRepository } from "../../../repo/root-chain.ts";
import { openRepository, type Repository } from "../../../repo/repository.ts";
import { publish } from "../../../repo/publish.ts";
import { serveRepository } from "../../../repo/serve.ts";
import { signerOf, type Signer } from "../../../repo/roles/signer.ts";
import { serialise, type Signing } from "../../../repo/tree.ts";
import type { Wave } from "../../../repo/waves/waves.ts";
import { migrationName, type Migration } from "../../../settings/migrations/migration.ts";
import type { UpdateMirror } from "../../../host/update/fetch/mirror.ts";

export const testMachines: Machines = { variant: "dev", arch: "x86_64" };

export type TestRepository = AsyncDisposable & {
  directory: string;
  rootSigner: Signer;
  publicationSigner: Signer;
  /** The first root role, as an image carries it. */
  rootJson: string;
  url: URL;
  mirror: UpdateMirror;
  open(): Promise<Repository>;
  signing(options?: { now?: Date; expirations?: Partial<ExpirationPolicy> }): Signing;
  /** `artefacts` are the bytes of boot, root and hash as they are downloaded. */
  publish(
    version: string,
    options?: {
      artefacts?: Artefacts;
      rootHash?: string;
      patchesFrom?: number;
      /** Of patches; those of images are larger than test images. */
      frameBytes?: number;
      machines?: Machines;
      waves?: Wave[];
      signing?: Signing;
      migrations?: readonly Migration[];
      /** Archives of images of containers, by name. */
      companions?: Readonly<Record<string, string>>;
    },
  ): Promise<void>;
};

export type Artefacts = { boot: Uint8Array; root: Uint8Array; hash: Uint8Array };

export const newSigner = (): Signer => signerOf(createPrivateKey(generateKeyPem("ed25519")));

export async function testRepository(now: Date = new Date()): Promise<TestRepository> {
  const base = await mkdtemp(join(tmpdir(), "orlop-updates-"));
  const directory = join(base, "repository");
  const [rootSigner, publicationSigner] = [newSigner(), newSigner()];
  const signing: TestRepository["signing"] = (options = {}) => ({
    signers: [publicationSigner],
    expirations: { ...defaultExpirations, ...options.expirations },
    now: options.now ?? now,
  });
  const repository = await initRepository(directory, {
    rootSigners: [rootSigner],
    rootThreshold: 1,
    publicationKeys: [publicationSigner.key],
    publicationThreshold: 1,
    signing: signing(),
  });
  const server = serveRepository(directory);
  const { variant, arch } = testMachines;
  return {
    directory,
    rootSigner,
    publicationSigner,
    rootJson: serialise(repository.roots[0]),
    url: server.url,
    mirror: {
      metadata: new URL(`metadata/${variant}/${arch}`, server.url),
      targets: new URL("targets", server.url),
      proxy: undefined,
      noProxy: [],
      authorities: undefined,
      query: {},
    },
    open: () => openRepository(directory),
    signing,
    async publish(version, options = {}) {
      const bytes = options.artefacts ?? {
        boot: Buffer.from(`boot ${version}`),
        root: Buffer.from(`root ${version}`),
        hash: Buffer.from(`hash ${version}`),
      };
      const source = async (part: keyof Artefacts): Promise<{ name: string; path: string }> => {
        const isProgram = Buffer.from(bytes[part].subarray(0, 2)).toString("latin1") === "MZ";
        const name = `${version}-${part}.${isProgram ? "efi" : "zst"}`;
        await writeFile(join(base, name), bytes[part]);
        return { name, path: join(base, name) };
      };
      const [boot, root, hash] = [await source("boot"), await source("root"), await source("hash")];
      const migrations = (options.migrations ?? []).map((migration) => ({
        version: migration.version,
        name: migrationName(migration),
        text: JSON.stringify(migration),
      }));
      const { rootHash, patchesFrom, frameBytes, machines = testMachines } = options;
      const companions = Object.fromEntries(
        Object.entries(options.companions ?? {}).map(([name, path]) => [
          name,
          { name: `${version}-${name}.oci.tar`, path },
        ]),
      );
      const release = { ...machines, version, boot, root, hash, ...defined({ rootHash }), migrations, companions };
      await publish(
        await openRepository(directory),
        release,
        { waves: options.waves ?? [], frameBytes, ...defined({ patchesFrom }) },
        options.signing ?? signing(),
      );
    },
    async [Symbol.asyncDispose]() {
      server[Symbol.dispose]();
      await rm(base, { recursive: true });
    },
  };
}
