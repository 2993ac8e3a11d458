/**
 * The EC2 instance metadata service, version 2 only.
 *
 * A session token is fetched by PUT and sent with every request; a token that has run out is fetched anew once. The
 * service is link-local: a proxy is never right, and no answer within the limits means that it is not there.
 * Source: EC2 user guide, "Use the Instance Metadata Service"; Bottlerocket's imdsclient (schema 2021-01-03, 3 tries).
 */
import { deadline } from "../../lib/clock.ts";
import { Failure, isFailure } from "../../lib/failure.ts";
import { bytesOf } from "../../lib/files/http-body.ts";
import type { System } from "./system.ts";

const base = "http://169.254.169.254";
const schema = "2021-01-03";
const tokenSeconds = 60;
const tries = 3;
const retryMs = 1_000;
const requestMs = 5_000;
/** EC2 limits user data to 16 KiB; nothing else that we read is larger. */
const limits = { mostBytes: 1024 * 1024, stallMs: requestMs };

export class Imds {
  readonly #system: System;
  #token: string | undefined;

  constructor(system: System) {
    this.#system = system;
  }

  /**
   * Waits until the service answers: at boot the network may still be on its way.
   *
   * @throws {Failure<"imds-unreachable">} when it did not within `limitMs`
   */
  async reachable(limitMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#system;
    const patience = deadline(clock, limitMs);
    for (;;) {
      try {
        await this.#freshToken(signal);
        return;
      } catch (error) {
        if (!isFailure(error, "imds-unreachable") || patience.leftMs < retryMs) throw error;
        await clock.sleep(retryMs, signal);
      }
    }
  }

  /** The bytes at a path below the schema, for example "meta-data/hostname"; undefined when there is nothing there. */
  async bytes(path: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#get(path, signal);
      } catch (error) {
        if (!isFailure(error, "imds-unreachable", "imds-refused") || attempt === tries) throw error;
        await this.#system.clock.sleep(retryMs * attempt, signal);
      }
    }
  }

  /** The same as text. */
  async text(path: string, signal: AbortSignal): Promise<string | undefined> {
    const bytes = await this.bytes(path, signal);
    if (bytes === undefined) return undefined;
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new Failure("imds-refused", `cannot read ${path} from the metadata service: its answer is no UTF-8`);
    }
  }

  /** An answer that is one value, without white space around it; undefined for what is blank or not there. */
  async value(path: string, signal: AbortSignal): Promise<string | undefined> {
    const value = (await this.text(path, signal))?.trim();
    return value === "" ? undefined : value;
  }

  /** The words of an answer that is a list of names; none for what is blank or not there. */
  async words(path: string, signal: AbortSignal): Promise<string[]> {
    return ((await this.text(path, signal)) ?? "").split(/\s+/).filter((word) => word !== "");
  }

  /** The instance's name in DNS: in a VPC with several domains EC2 gives one for each, the instance's own first. */
  async localHostname(signal: AbortSignal): Promise<string | undefined> {
    return (await this.words("meta-data/local-hostname", signal))[0];
  }

  async #get(path: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    for (let fresh = false; ; fresh = true) {
      if (fresh) this.#token = undefined;
      const token = this.#token ?? (await this.#freshToken(signal));
      const response = await this.#request("GET", `/${schema}/${path}`, { "x-aws-ec2-metadata-token": token }, signal);
      if (response.status === 404) return undefined;
      if (response.status === 200) return response.body;
      // 401: the token has run out, or the service was restarted.
      if (response.status === 401 && !fresh) continue;
      throw new Failure(
        "imds-refused",
        `cannot read ${path} from the metadata service: it answered ${response.status}`,
      );
    }
  }

  async #freshToken(signal: AbortSignal): Promise<string> {
    const headers = { "x-aws-ec2-metadata-token-ttl-seconds": String(tokenSeconds) };
    const { status, body } = await this.#request("PUT", "/latest/api/token", headers, signal);
    if (status !== 200) {
      throw new Failure("imds-refused", `cannot get a token from the metadata service: it answered ${status}`, {
        hint: "the instance must have its metadata service enabled",
      });
    }
    this.#token = Buffer.from(body).toString("latin1");
    return this.#token;
  }

  async #request(
    method: "GET" | "PUT",
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<{ status: number; body: Uint8Array }> {
    signal.throwIfAborted();
    const url = new URL(path, base);
    const deadline = AbortSignal.timeout(requestMs);
    try {
      const init = { method, headers, redirect: "error", signal: AbortSignal.any([signal, deadline]) } as const;
      const response = await this.#system.fetch(url, init);
      return { status: response.status, body: await bytesOf(response, `${path} from the metadata service`, limits) };
    } catch (error) {
      signal.throwIfAborted();
      if (isFailure(error)) throw error;
      throw new Failure("imds-unreachable", `cannot reach ${url.href}: it does not answer`, { cause: error });
    }
  }
}
