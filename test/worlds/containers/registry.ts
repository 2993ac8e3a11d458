/**
 * A real registry for tests, on this computer's loopback; a guest reaches it at 10.0.2.2.
 *
 * ```ts
 * await using registry = await startTestRegistry({ tls: true, auth: true });
 * await registry.push(layout, "orlop/admin:v1");
 * // settings: { pki: registry.pki, "container-registry": { credentials: [registry.credential(registry.forGuests)] } }
 * ```
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defined } from "../../../lib/defined.ts";
import { hostOfGuests } from "../../../vm/qemu/qemu.ts";
import { startRegistry } from "../../../vm/registry.ts";
import { TestAuthority } from "../network/certificates.ts";

const username = "puller";
/** Of every registry of tests, with what needs care in a URL. */
const password = "sesame:@&$1";

/** Another name in its certificate, which no name server knows: only a proxy leads there. */
export const registryName = "registry.example.com";

export type TestRegistry = AsyncDisposable & {
  readonly port: number;
  /** "127.0.0.1:5000" */
  readonly here: string;
  /** "10.0.2.2:5000" */
  readonly forGuests: string;
  /** As `settings.pki`; without TLS, nothing to trust. */
  readonly pki: Readonly<Record<string, { data: string; trusted: true }>>;
  /** As an entry of `settings.container-registry.credentials`, for the name that images are pulled by. */
  credential(registry: string): { registry: string; username: string; password: string };
  /** Copies the one image of an OCI layout; "name:tag" is what it is called here. */
  push(layout: string, name: string): Promise<void>;
};

export async function startTestRegistry({
  tls,
  auth,
  port,
}: {
  tls: boolean;
  auth: boolean;
  /** A free one unless given: for who starts a registry again that was down. */
  port?: number;
}): Promise<TestRegistry> {
  const { signal } = new AbortController();
  const authority = await TestAuthority.make("registry of tests");
  const directory = await mkdtemp(join(tmpdir(), "registry-"));
  const registry = await startRegistry({
    directory,
    signal,
    ...(tls ? { tls: await authority.server(["127.0.0.1", hostOfGuests, registryName]) } : {}),
    ...(auth ? { auth: { username, password } } : {}),
    ...defined({ port }),
  });
  return {
    port: registry.port,
    here: `127.0.0.1:${registry.port}`,
    forGuests: `${hostOfGuests}:${registry.port}`,
    pki: tls ? { "registry-of-tests": { data: authority.setting, trusted: true } } : {},
    credential: (name) => ({ registry: name, username, password }),
    push: (layout, name) => registry.push(layout, name, signal),
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
