/** A host of a simulated fleet: what it knows of itself, and what it reports, by the shipping `judge`. */
import type { HostReport, Offer } from "../../api/fleet/host-report.ts";
import type { HostState } from "../../host/node/obey.ts";
import { versionsFor } from "../../host/update/choice.ts";
import { isFor, wavesOfUpdate, type Machines, type Manifest } from "../../repo/manifest.ts";

export type SimulatedHost = {
  name: string;
  uid: string;
  boot: number;
  version: string;
  seed: number;
  staged: string | undefined;
  fallback: string | undefined;
  onTrial: boolean;
  held: { version: string; reason: string }[];
  accepted: string | undefined;
  /** It has looked into the repository since it was made. */
  looked: boolean;
};

export const bootId = ({ name, boot }: SimulatedHost): string => `${name}-${boot}`;

export class OfferedVersions {
  readonly #manifest: Manifest;
  readonly #machines: Machines;
  readonly #released: ReadonlyMap<string, Date>;
  readonly #offers = new Map<string, Offer[]>();

  constructor(manifest: Manifest, machines: Machines) {
    this.#manifest = manifest;
    this.#machines = machines;
    this.#released = new Map(
      manifest.updates
        .filter((update) => isFor(update, machines))
        .flatMap((update) => {
          const [first] = wavesOfUpdate(update);
          return first === undefined ? [] : [[update.version, first.start] as const];
        }),
    );
  }

  /** Hosts of one seed, version and history judge alike: there are 2048 seeds, and more hosts. */
  of({ version, seed, held }: SimulatedHost, now: Date): Offer[] {
    const key = `${seed} ${version} ${held.map((each) => each.version).join(" ")}`;
    const known = this.#offers.get(key);
    if (known !== undefined) return known;
    const view = {
      ...this.#machines,
      running: version,
      seed,
      versionLock: "latest",
      ignoreWaves: false,
      failed: held.map((each) => ({ ...each, at: now })),
      now: new Date(0),
    };
    const offers = versionsFor(this.#manifest, view)
      .filter(({ holds }) => holds.every(({ kind }) => kind === "wave"))
      .map(({ version: offered, holds: [hold] }) => ({
        version: offered,
        opensAt: hold?.kind === "wave" ? hold.opensAt : undefined,
        releasedAt: this.#released.get(offered),
      }));
    this.#offers.set(key, offers);
    return offers;
  }
}

export function hostState(host: SimulatedHost, offers: readonly Offer[], now: Date): HostState {
  return {
    boot: bootId(host),
    version: host.version,
    onTrial: host.onTrial,
    staged: host.staged,
    fallback: host.fallback,
    mayTake: offers.filter(({ opensAt }) => opensAt === undefined || opensAt <= now).map(({ version }) => version),
  };
}

/** Lists are shared between reports, of which there are many. */
const nothing: Offer[] = [];

export function hostReport(host: SimulatedHost, machines: Machines, offers: Offer[]): HostReport {
  return {
    boot: bootId(host),
    version: host.version,
    variant: machines.variant,
    arch: machines.arch,
    seed: host.seed,
    state: host.staged === undefined ? "Idle" : "Staged",
    offers: host.looked ? offers : nothing,
    staged: host.staged,
    fallback: host.fallback,
    onTrial: host.onTrial,
    held: host.held,
    accepted: host.accepted,
    refused: undefined,
    activity: undefined,
    failure: undefined,
  };
}
