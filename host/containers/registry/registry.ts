/**
 * Reads images of one repository from one of the places where it may be.
 *
 * Source: OCI distribution specification 1.1; tokens as in distribution's docs/spec/auth/token.md.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { Failure } from "../../../lib/failure.ts";
import { bytesOf, chunksOf } from "../../../lib/files/http-body.ts";
import type { Fetch } from "../../../lib/files/http-redirects.ts";
import { parseJson } from "../../../lib/text/json.ts";
import type { Reference } from "./reference.ts";
import {
  credentialsByHost,
  loginOf,
  namespaceFor,
  type RegistryEndpoint,
  type Login,
  type Registries,
} from "./registries.ts";

export const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** What comes is limited before it is read, and so is the time that a registry may keep silent or dawdle. */
const limits = {
  manifest: { mostBytes: 4 * 1024 * 1024, stallMs: 30_000 },
  token: { mostBytes: 256 * 1024, stallMs: 30_000 },
  config: { mostBytes: 8 * 1024 * 1024, stallMs: 30_000 },
  /** The turn to pull an image is held for so long, so a layer that trickles is given up too. */
  layer: { stallMs: 30_000, slowest: { bytes: 64 * 1024, waitedMs: 60_000 } },
} as const;
/** Until the head of an answer is there. */
const answerMs = 30_000;

/** One repository at one endpoint; remembers what it was given to be let in. */
export class ImageRepository {
  readonly #endpoint: RegistryEndpoint;
  readonly #name: string;
  readonly #namespace: string | undefined;
  readonly #login: Login | undefined;
  readonly #fetch: Fetch;
  #authorization: string | undefined;

  constructor(endpoint: RegistryEndpoint, { registry, repository }: Reference, registries: Registries, fetch: Fetch) {
    const credential = credentialsByHost(registries).get(endpoint.host);
    this.#endpoint = endpoint;
    this.#name = repository;
    this.#namespace = namespaceFor(registry, endpoint);
    this.#login = credential === undefined ? undefined : loginOf(credential);
    this.#fetch = fetch;
  }

  get address(): string {
    return `${this.#endpoint.base}/${this.#name}`;
  }

  /** @param reference a tag or a digest; a digest is verified */
  async manifest(
    reference: string,
    signal: AbortSignal,
  ): Promise<{ bytes: Uint8Array; digest: string; mediaType: string }> {
    const response = await this.#get(`manifests/${reference}`, { accept: manifestTypes.join(", ") }, signal);
    const bytes = await bytesOf(response, `the manifest ${reference} of ${this.address}`, limits.manifest);
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    if (reference.startsWith("sha256:") && digest !== reference) {
      throw new Failure("hash-mismatch", `cannot use ${this.address}@${reference}: what came has the digest ${digest}`);
    }
    return { bytes, digest, mediaType: (response.headers.get("content-type") ?? "").split(";")[0] ?? "" };
  }

  /** The configuration of an image, which is small. The caller verifies what comes against the digest. */
  async config(digest: string, signal: AbortSignal): Promise<Buffer> {
    const response = await this.#get(`blobs/${digest}`, {}, signal);
    const bytes = await bytesOf(response, `${this.address}@${digest}`, limits.config);
    signal.throwIfAborted(); // an aborted body may end instead of failing
    return bytes;
  }

  /**
   * A layer, in pieces. The caller verifies what comes against the digest.
   *
   * @throws {Failure<"too-long">} as soon as there are more bytes than the manifest says
   * @throws {Failure<"stalled" | "too-slow">}
   */
  async *layer({ digest, size }: { digest: string; size: number }, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { body } = await this.#get(`blobs/${digest}`, {}, signal);
    if (body === null)
      throw new Failure("registry-failed", `cannot read ${this.address}@${digest}: the answer is empty`);
    let bytes = 0;
    for await (const chunk of chunksOf(body, limits.layer)) {
      bytes += chunk.length;
      if (bytes > size) {
        throw new Failure("too-long", `cannot read ${this.address}@${digest}: it is longer than ${size} bytes`);
      }
      yield chunk;
    }
    signal.throwIfAborted(); // an aborted body may end instead of failing
  }

  async #get(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const url = new URL(`${this.address}/${path}`);
    if (this.#namespace !== undefined) url.searchParams.set("ns", this.#namespace);
    const ask = async (): Promise<Response> => {
      const authorization = this.#authorization;
      return await this.#ask(url, {
        headers: authorization === undefined ? headers : { ...headers, authorization },
        signal,
      });
    };
    let response = await ask();
    if (response.status === 401) {
      await response.body?.cancel();
      this.#authorization = await this.#authorize(response.headers.get("www-authenticate") ?? "", signal);
      response = await ask();
    }
    if (response.ok) return response;
    await response.body?.cancel();
    const code = response.status === 404 ? "no-such-image" : "registry-failed";
    throw new Failure(code, `cannot read ${url.href}: the registry answered with status ${response.status}`);
  }

  async #ask(url: URL, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
    const silent = new AbortController();
    const timer = setTimeout(
      () => silent.abort(new Failure("stalled", `cannot read ${url.origin}: no answer for ${answerMs / 1000} s`)),
      answerMs,
    );
    try {
      return await this.#fetch(url, { ...init, signal: AbortSignal.any([init.signal, silent.signal]) });
    } finally {
      clearTimeout(timer);
    }
  }

  /** @throws {Failure<"registry-refused">} when there is nothing to show */
  async #authorize(challenge: string, signal: AbortSignal): Promise<string> {
    const bearer = /(?:^|,)\s*bearer\s+(.*)$/i.exec(challenge)?.[1];
    if (bearer !== undefined) return `Bearer ${await this.#token(bearer, signal)}`;
    const { username = "", secret = "" } = this.#login ?? {};
    if (username !== "" && secret !== "") return basic({ username, secret });
    throw new Failure(
      "registry-refused",
      `cannot read ${this.address}: the registry wants a user name and a password`,
      {
        hint: `set settings.container-registry.credentials for ${this.#endpoint.host}`,
      },
    );
  }

  /**
   * As containerd does it: a password or an identity token is exchanged by OAuth 2.0, and where a server does not know
   * that, shown in the older way. Source: its core/remotes/docker/authorizer.go.
   */
  async #token(challenge: string, signal: AbortSignal): Promise<string> {
    const parameters = new Map(
      Array.from(challenge.matchAll(/(\w+)="([^"]*)"/g), ([, name = "", value = ""]) => [name, value]),
    );
    const realm = URL.parse(parameters.get("realm") ?? "");
    if (realm === null)
      throw new Failure("registry-failed", `cannot read ${this.address}: it asks for a token of nobody`);
    const service = parameters.get("service") ?? "";
    const scope = parameters.get("scope") ?? `repository:${this.#name}:pull`;
    const { username = "", secret = "" } = this.#login ?? {};
    if (secret !== "") {
      const grant =
        username === ""
          ? { grant_type: "refresh_token", refresh_token: secret }
          : { grant_type: "password", username, password: secret };
      const body = new URLSearchParams({ scope, service, client_id: clientId, ...grant });
      const answer = await this.#ask(realm, { method: "POST", body, signal });
      const isUnknown = [400, 401, 404].includes(answer.status) || (answer.status === 405 && username !== "");
      if (!isUnknown) return await this.#tokenIn(answer);
      await answer.body?.cancel();
    }
    if (service !== "") realm.searchParams.set("service", service);
    realm.searchParams.set("scope", scope);
    const headers = secret === "" ? {} : { authorization: basic({ username, secret }) };
    return await this.#tokenIn(await this.#ask(realm, { headers, signal }));
  }

  async #tokenIn(answer: Response): Promise<string> {
    if (!answer.ok) {
      await answer.body?.cancel();
      throw new Failure("registry-refused", `cannot read ${this.address}: no token, status ${answer.status}`);
    }
    const text = (await bytesOf(answer, `the token for ${this.address}`, limits.token)).toString();
    const { token, access_token: accessToken } = tokenSchema.parse(parseJson(text));
    return accessToken ?? token ?? "";
  }
}

/** Who asks for a token, for the registry's logs. */
const clientId = "orlop";

const basic = ({ username, secret }: Login): string =>
  `Basic ${Buffer.from(`${username}:${secret}`).toString("base64")}`;

const tokenSchema = z.object({ token: z.string().exactOptional(), access_token: z.string().exactOptional() });
