/** A publisher with three root keys of which two must sign, in a directory of its own, and an independent client. */
import { createHash, createPrivateKey } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultExpirations } from "../../../repo/roles/expiration.ts";
import { generateKeyPem, type keyTypes } from "../../../repo/roles/key.ts";
import { initRepository } from "../../../repo/root-chain.ts";
import type { Release } from "../../../repo/publish.ts";
import type { Repository } from "../../../repo/repository.ts";
import { serveRepository } from "../../../repo/serve.ts";
import { signerOf, type Signer } from "../../../repo/roles/signer.ts";
import { serialise, type Signing } from "../../../repo/tree.ts";
import { validateTree, type Validation } from "../../../repo/validate.ts";
import { testMachines as machines } from "./update-repository.ts";

export const signerOfType = (type: (typeof keyTypes)[number]): Signer =>
  signerOf(createPrivateKey(generateKeyPem(type)));

export type Publisher = AsyncDisposable & {
  directory: string;
  rootSigners: Signer[];
  signing: Signing;
  repository: Repository;
  release(version: string): Promise<Release>;
  validate(rootJson?: string): Promise<Validation>;
};

export async function publisher(publication = signerOfType("ed25519")): Promise<Publisher> {
  const base = await mkdtemp(join(tmpdir(), "orlop-repo-"));
  const directory = join(base, "repository");
  const rootSigners = (["ed25519", "ecdsa", "rsa"] as const).map(signerOfType);
  const signing: Signing = { signers: [publication], expirations: defaultExpirations, now: new Date() };
  const repository = await initRepository(directory, {
    rootSigners,
    rootThreshold: 2,
    publicationKeys: [publication.key],
    publicationThreshold: 1,
    signing,
  });
  return {
    directory,
    rootSigners,
    signing,
    repository,
    async release(version) {
      const source = async (kind: string): Promise<{ name: string; path: string }> => {
        const name = `orlop-dev-x86_64-${version}-${kind}`;
        await writeFile(join(base, name), `${kind} of ${version} ${"x".repeat(100_000)}`);
        return { name, path: join(base, name) };
      };
      return {
        ...machines,
        version,
        boot: await source("boot"),
        root: await source("root"),
        hash: await source("hash"),
        rootHash: createHash("sha256").update(version).digest("hex"),
        migrations: [],
      };
    },
    async validate(rootJson = serialise(repository.roots[0])) {
      using server = serveRepository(directory);
      return await validateTree(server.url, machines, rootJson); // awaited, or the server is gone first
    },
    [Symbol.asyncDispose]: () => rm(base, { recursive: true }),
  };
}
