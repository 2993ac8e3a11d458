/** Looking into the repository: what it has for this host, as this host trusts it, and what holds each version. */
import { stat } from "node:fs/promises";
import { Failure } from "../../lib/failure.ts";
import { isFor, type Manifest } from "../../repo/manifest.ts";
import { hostPath } from "../machine/system.ts";
import { runningSet, type RunningSet } from "./boot/running-set.ts";
import { versionsFor, type HostView, type RepositoryVersion } from "./choice.ts";
import { mirrorOf, wishesOf } from "./fetch/host-mirror.ts";
import type { UpdateMirror } from "./fetch/mirror.ts";
import { refreshTrust, type Target, type TrustedRepository } from "./fetch/trusted-repository.ts";
import { waysOf, type Ways } from "./fetch/ways.ts";
import type { KeptMemory } from "./kept-memory.ts";
import type { Chosen } from "./memory.ts";
import type { UpdateImage } from "./state.ts";
import type { UpdaterHost } from "./updater-host.ts";

export type Look = {
  trusted: TrustedRepository;
  versions: RepositoryVersion[];
  view: HostView;
  /** What patches could be made from. */
  runningSet: RunningSet | undefined;
};

export class RepositoryLooks {
  readonly #host: UpdaterHost;
  readonly #memory: KeptMemory;

  constructor(host: UpdaterHost, memory: KeptMemory) {
    this.#host = host;
    this.#memory = memory;
  }

  /** @param target the version that is to be written, which the repository may want to know */
  async look(signal: AbortSignal, target?: string): Promise<Look> {
    const { system, running, settings } = this.#host;
    const { mtime: builtAt } = await stat(hostPath(system, "/usr/lib/os-release"));
    const mirror = await this.mirror(target);
    const trusted = await refreshTrust(system, mirror, builtAt, signal);
    const failed = this.#memory.current.held.map(({ version, at, reason }) => ({ version, at: new Date(at), reason }));
    const { version, ...machines } = running;
    const wishes = wishesOf(settings());
    const view: HostView = { ...machines, running: version, ...wishes, failed, now: system.clock.now() };
    return { trusted, versions: versionsFor(trusted.manifest, view), view, runningSet: await runningSet(system) };
  }

  async mirror(target?: string): Promise<UpdateMirror> {
    const settings = this.#host.settings();
    const query = { version: this.#host.running.version, seed: String(wishesOf(settings).seed) };
    return await mirrorOf(this.#host.system, settings, target === undefined ? query : { ...query, target });
  }
}

export function updateIn(manifest: Manifest, machines: UpdateImage, version: string): Manifest["updates"][number] {
  const update = manifest.updates.find((each) => isFor(each, machines) && each.version === version);
  if (update === undefined) throw new Error(`bug: ${version} was chosen and is not in the manifest`);
  return update;
}

/** @throws {Failure<"bad-manifest">} when the manifest names files that the repository does not sign */
export function chosenIn(trusted: TrustedRepository, running: UpdateImage, version: string): Chosen {
  const { variant, arch } = running;
  const { images } = updateIn(trusted.manifest, running, version);
  const target = (name: string): Target => {
    const signed = trusted.target(name);
    if (signed !== undefined) return signed;
    throw new Failure("bad-manifest", `cannot take ${version}: the manifest names ${name}, which is no signed target`);
  };
  const targets = { boot: target(images.boot), root: target(images.root), hash: target(images.hash) };
  return { image: { version, variant, arch }, targets };
}

/** How the files of a version would come to this host. @throws {Failure<"bad-manifest">} as `chosenIn` */
export function waysIn({ trusted, runningSet: set }: Look, running: UpdateImage, version: string): Ways {
  const { targets } = chosenIn(trusted, running, version);
  return waysOf(updateIn(trusted.manifest, running, version), targets, trusted, set?.rootHash);
}
