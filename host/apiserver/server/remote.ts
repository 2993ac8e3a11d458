/**
 * The remote API as the settings want it: opened, moved, or closed while the daemon runs.
 *
 * It is off by default and needs no restart. `remoteReconciler` makes it so with everything else, so that a plan says
 * it, and a listener that cannot be opened is reported and tried again. Connections made under the old CAs or port end
 * with the answer they are waiting for.
 */
import { X509Certificate } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Role } from "../../../api/endpoints/endpoint.ts";
import type { StatusBody } from "../../../api/status.ts";
import { defined } from "../../../lib/defined.ts";
import { Failure } from "../../../lib/failure.ts";
import type { Settings } from "../../../settings/model/model.ts";
import { pemOf } from "../../../settings/values/pem-blocks.ts";
import { readBundle } from "../../../settings/values/pem.ts";
import { reconciler, type Reconciler } from "../../reconcile/reconciler.ts";
import type { System } from "../../machine/system.ts";
import { ensureIdentity } from "./certificate.ts";
import type { Exchange } from "./exchange.ts";
import { RemoteServer, type RoleOfCertificate } from "./remote-server.ts";

/** As long as a client may wait for reconcilers. */
const closeGraceMs = 240_000;

export type RemoteSettings = Settings["api"]["remote"];
type Step = { description: string; wanted: RemoteSettings };

export class Remote implements AsyncDisposable {
  readonly #system: System;
  readonly #exchange: () => Exchange;
  readonly #announce: (line: string) => Promise<void>;
  #is: RemoteSettings = { enabled: false, port: 0, "client-cas": {}, roles: {}, "role-cas": {} };
  #server: RemoteServer | undefined;
  #fingerprint: string | undefined;
  #failure: Failure | undefined;
  #closing: Promise<unknown> = Promise.resolve();

  /**
   * @param exchange made anew for each listener, with limits of its own
   * @param announce shows a line on the console, where whoever set the machine up can compare the fingerprint
   */
  constructor(system: System, exchange: () => Exchange, announce: (line: string) => Promise<void>) {
    this.#system = system;
    this.#exchange = exchange;
    this.#announce = announce;
  }

  /** What is missing to be as the settings say, in words; [] when nothing is. */
  stepsTo(wanted: RemoteSettings): Step[] {
    if (!wanted.enabled) return this.#is.enabled ? [{ description: "close the remote API", wanted }] : [];
    if (this.#failure !== undefined || !isDeepStrictEqual(listeningOf(wanted), listeningOf(this.#is))) {
      return [{ description: `open the remote API on port ${wanted.port}`, wanted }];
    }
    return isDeepStrictEqual(wanted, this.#is) ? [] : [{ description: "change who may use the remote API", wanted }];
  }

  /** @throws {Failure<"bad-client-ca" | "bad-identity" | "cannot-listen">} it is closed then */
  async become(wanted: RemoteSettings): Promise<void> {
    const stays = this.#server !== undefined && isDeepStrictEqual(listeningOf(wanted), listeningOf(this.#is));
    this.#is = wanted;
    if (stays) return;
    if (this.#server !== undefined) {
      // Whoever made this change over the remote API still waits there for its result.
      this.#closing = Promise.all([this.#closing, this.#server.close(closeGraceMs)]);
      this.#server = undefined;
      this.#system.log.info("api: the remote API is closed");
    }
    try {
      if (wanted.enabled) await this.#open(wanted);
      this.#failure = undefined; // not before: while it is tried again, the last reason still holds
    } catch (error) {
      this.#failure = error instanceof Failure ? error : new Failure("internal", "cannot open it", { cause: error });
      throw error;
    }
  }

  status(): StatusBody["remote"] {
    const failure = this.#failure;
    return {
      enabled: this.#is.enabled,
      ...defined({ port: this.#server?.port, fingerprint: this.#fingerprint }),
      ...(failure === undefined ? {} : { failure: { code: failure.code, message: failure.message } }),
    };
  }

  async #open(wanted: RemoteSettings): Promise<void> {
    const [first, ...rest] = Object.values(wanted["client-cas"]).flatMap(certificatesOf);
    if (first === undefined) {
      const [flaw = "it is empty"] = flawsIn(wanted);
      throw new Failure("bad-client-ca", `cannot open the remote API: settings.api.remote.client-cas: ${flaw}`);
    }
    const identity = await ensureIdentity(this.#system);
    this.#fingerprint = identity.fingerprint;
    // The authorities are those of this listener, so that which of them signed a certificate is found out once.
    const roleOf: RoleOfCertificate = ({ subject, notAfter, raw }) => {
      let signers: ReadonlySet<string> | undefined;
      const signersOf = (): ReadonlySet<string> => (signers ??= signersIn(wanted["client-cas"], raw));
      // A connection may outlast its certificate.
      return () => (this.#system.clock.now() <= notAfter ? roleIn(this.#is, subject, signersOf) : undefined);
    };
    const place = { port: wanted.port, identity, clientCas: [first, ...rest] as const };
    this.#server = await RemoteServer.open(place, this.#exchange(), roleOf, this.#system.log);
    const line = `remote API on port ${this.#server.port}, certificate fingerprint SHA256 ${identity.fingerprint}`;
    this.#system.log.info(`api: ${line}`);
    await this.#announce(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    this.#server = undefined;
    await this.#closing;
  }
}

/** `settings.api.remote`, kept like everything else that settings say. */
export function remoteReconciler(remote: Remote): Reconciler {
  return reconciler<RemoteSettings, Step[], Step>({
    name: "remote-api",
    desired: ({ api }) => api.remote,
    observe: async (_system, wanted) => remote.stepsTo(wanted),
    plan: (_wanted, steps) => steps,
    warnings: (wanted) =>
      wanted.enabled
        ? [...flawsIn(wanted), ...sharedNames(wanted)].map((flaw) => `settings.api.remote.client-cas: ${flaw}`)
        : [],
    describe: ({ description }) => ({ description }),
    apply: async (_system, { wanted }) => remote.become(wanted),
    afterFailure: "stop",
  });
}

/** What a change of makes it listen anew; the rest is asked at each request. */
function listeningOf({ enabled, port, "client-cas": clientCas }: RemoteSettings): Partial<RemoteSettings> {
  return { enabled, port, "client-cas": clientCas };
}

function roleIn(
  { roles, "role-cas": bound }: RemoteSettings,
  subject: string,
  signersOf: () => ReadonlySet<string>,
): Role | undefined {
  if (!Object.hasOwn(roles, subject)) return undefined;
  if (Object.hasOwn(bound, subject) && !signersOf().has(bound[subject] ?? "")) return undefined;
  return roles[subject];
}

/** Names of the authorities, one of whose certificates signed this one itself. */
function signersIn(bundles: RemoteSettings["client-cas"], raw: Uint8Array): ReadonlySet<string> {
  const certificate = new X509Certificate(raw);
  const signed = (encoded: string): boolean => {
    const bundle = readBundle(encoded);
    if (!bundle.ok) return false;
    return bundle.certificates.some((ca) => certificate.checkIssued(ca) && certificate.verify(ca.publicKey));
  };
  return new Set(Object.entries(bundles).flatMap(([name, encoded]) => (signed(encoded) ? [name] : [])));
}

/** A role that is bound to no authority belongs to a common name, whichever of them gave it to somebody. */
function sharedNames({ "client-cas": bundles, roles, "role-cas": bound }: RemoteSettings): string[] {
  const names = Object.keys(bundles);
  const unbound = Object.keys(roles).filter((name) => roles[name] === "admin" && !Object.hasOwn(bound, name));
  if (names.length < 2 || unbound.length === 0) return [];
  return [
    `each of ${names.join(", ")} may certify the administrators ${unbound.join(", ")}; settings.api.remote.role-cas binds them to one`,
  ];
}

/** Each certificate on its own. None of a bundle that cannot be used: it must not take the others with it. */
function certificatesOf(encoded: string): string[] {
  const bundle = readBundle(encoded);
  return bundle.ok ? bundle.certificates.map(({ raw }) => pemOf("CERTIFICATE", raw)) : [];
}

/** What an older image accepted and this one cannot read. */
function flawsIn({ "client-cas": bundles }: RemoteSettings): string[] {
  return Object.entries(bundles).flatMap(([name, encoded]) => {
    const bundle = readBundle(encoded);
    return bundle.ok ? [] : [`${name} cannot be used: ${bundle.flaw}`];
  });
}
