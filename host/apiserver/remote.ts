/**
 * The remote API as the settings want it: opened, moved, or closed while the daemon runs.
 *
 * It is off by default, needs no restart, and a listener that cannot be opened is told in GET /status and tried again
 * with the next change. Connections made under the old CAs or port end with the answer they are waiting for.
 */
import { X509Certificate } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { StatusBody } from "../../api/status.ts";
import { Failure } from "../../lib/failure.ts";
import type { Settings } from "../../settings/model.ts";
import type { System } from "../system.ts";
import { ensureIdentity } from "./certificate.ts";
import type { Exchange } from "./exchange.ts";
import { RemoteServer } from "./remote-server.ts";

/** As long as a client may wait for reconcilers. */
const closeGraceMs = 240_000;

type RemoteSettings = Settings["api"]["remote"];
type Listening = Pick<RemoteSettings, "enabled" | "port" | "client-cas">;

export class Remote implements AsyncDisposable {
  readonly #system: System;
  readonly #exchange: Exchange;
  readonly #announce: (line: string) => Promise<void>;
  #roles: RemoteSettings["roles"] = {};
  #listening: Listening | undefined;
  #server: RemoteServer | undefined;
  #fingerprint: string | undefined;
  #failure: Failure | undefined;
  #closing: Promise<unknown> = Promise.resolve();

  /** @param announce shows a line on the console, where whoever set the machine up can compare the fingerprint */
  constructor(system: System, exchange: Exchange, announce: (line: string) => Promise<void>) {
    this.#system = system;
    this.#exchange = exchange;
    this.#announce = announce;
  }

  /** Makes it so. Never rejects for what the settings say. */
  async become({ enabled, port, "client-cas": cas, roles }: RemoteSettings): Promise<void> {
    this.#roles = roles;
    const wanted: Listening = { enabled, port, "client-cas": cas };
    if (isDeepStrictEqual(this.#listening, wanted) && this.#failure === undefined) return;
    this.#listening = wanted;
    this.#failure = undefined;
    if (this.#server !== undefined) {
      // Whoever made this change over the remote API still waits there for its result.
      this.#closing = Promise.all([this.#closing, this.#server.close(closeGraceMs)]);
      this.#server = undefined;
      this.#system.log.info("api: the remote API is closed");
    }
    if (!enabled) return;
    try {
      await this.#open(wanted);
    } catch (error) {
      this.#failure = error instanceof Failure ? error : new Failure("internal", "cannot open it", { cause: error });
      this.#system.log.error("api: cannot open the remote API", error);
    }
  }

  status(): StatusBody["remote"] {
    const failure = this.#failure;
    return {
      enabled: this.#listening?.enabled ?? false,
      ...(this.#server === undefined ? {} : { port: this.#server.port }),
      ...(this.#fingerprint === undefined ? {} : { fingerprint: this.#fingerprint }),
      ...(failure === undefined ? {} : { failure: { code: failure.code, message: failure.message } }),
    };
  }

  async #open(wanted: Listening): Promise<void> {
    const [first, ...others] = Object.entries(wanted["client-cas"]).flatMap(([name, bundle]) =>
      certificatesOf(name, bundle),
    );
    if (first === undefined) {
      throw new Failure("bad-client-ca", "cannot open the remote API: settings.api.remote.client-cas is empty");
    }
    const identity = await ensureIdentity(this.#system);
    this.#fingerprint = identity.fingerprint;
    const roleOf = (subject: string) => (Object.hasOwn(this.#roles, subject) ? this.#roles[subject] : undefined);
    const place = { port: wanted.port, identity, clientCas: [first, ...others] as const };
    this.#server = await RemoteServer.open(place, this.#exchange, roleOf, this.#system.log);
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

/** Each certificate of a bundle on its own: what TLS would quietly skip is refused here. */
function certificatesOf(name: string, bundle: string): string[] {
  const key = `settings.api.remote.client-cas.${name}`;
  const text = Buffer.from(bundle, "base64").toString("utf8");
  const blocks = text.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  if (blocks.length === 0) throw new Failure("bad-client-ca", `cannot use ${key}: it holds no PEM certificate`);
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (error) {
      throw new Failure("bad-client-ca", `cannot use ${key}: certificate ${index + 1} cannot be read`, {
        cause: error,
      });
    }
  }
  return blocks;
}
