/**
 * Reads images from registries: mirrors first, as `settings.container-registry` orders them, then the registry itself.
 *
 * Source: OCI distribution specification 1.1; tokens as in distribution's docs/spec/auth/token.md.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { Failure } from "../../../lib/failure.ts";
import { parseJson } from "../../../lib/json.ts";
import type { Reference } from "./reference.ts";

export const registriesSchema = z.object({
  mirrors: z.array(z.object({ registry: z.string(), endpoint: z.array(z.string()) })),
  credentials: z.array(
    z.object({
      registry: z.string(),
      username: z.string().exactOptional(),
      password: z.string().exactOptional(),
      auth: z.string().exactOptional(),
      identitytoken: z.string().exactOptional(),
    }),
  ),
});
export type Registries = z.infer<typeof registriesSchema>;

/** As `fetch`, with the proxy and the authorities of this host. */
export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

export type Endpoint = {
  /** Ends before the name of the repository: "https://registry.example.com/v2". */
  base: string;
  /** Whose credentials are shown. */
  registry: string;
};

export const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** A manifest is small; a server that sends more does not mean well. */
const manifestBytesMost = 4 * 1024 * 1024;
const requestMs = 30_000;

/** Where an image may come from, in the order to ask. */
export function endpointsOf({ registry }: Reference, { mirrors }: Pick<Registries, "mirrors">): Endpoint[] {
  const own = mirrors.filter((mirror) => mirror.registry === registry);
  const chosen = own.length > 0 ? own : mirrors.filter((mirror) => mirror.registry === "*");
  const hub = registry === "docker.io";
  return [
    ...chosen.flatMap(({ endpoint }) => endpoint.map((url) => mirrorEndpoint(url))),
    { base: `https://${hub ? "registry-1.docker.io" : registry}/v2`, registry },
  ];
}

/** A path in the endpoint stands for "/v2", as containerd has it. */
function mirrorEndpoint(url: string): Endpoint {
  const { protocol, host, pathname } = new URL(url);
  const path = pathname.replace(/\/+$/, "");
  return { base: `${protocol}//${host}${path === "" ? "/v2" : path}`, registry: host };
}

/** One repository at one endpoint; remembers the token it was given. */
export class Repository {
  readonly #endpoint: Endpoint;
  readonly #name: string;
  readonly #login: string | undefined;
  readonly #identityToken: string | undefined;
  readonly #fetch: Fetch;
  #authorization: string | undefined;

  constructor(endpoint: Endpoint, name: string, credentials: Registries["credentials"], fetch: Fetch) {
    const mine = credentials.find(({ registry }) => registry === endpoint.registry);
    this.#endpoint = endpoint;
    this.#name = name;
    this.#login =
      mine?.auth ??
      (mine?.username === undefined
        ? undefined
        : Buffer.from(`${mine.username}:${mine.password ?? ""}`).toString("base64"));
    this.#identityToken = mine?.identitytoken;
    this.#fetch = fetch;
  }

  get says(): string {
    return `${this.#endpoint.base}/${this.#name}`;
  }

  /** @param what a tag or a digest; a digest is verified */
  async manifest(what: string, signal: AbortSignal): Promise<{ bytes: Uint8Array; digest: string; mediaType: string }> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(requestMs)]);
    const response = await this.#get(`manifests/${what}`, { accept: manifestTypes.join(", ") }, limited);
    const bytes = await response.bytes();
    if (bytes.length > manifestBytesMost) {
      throw new Failure("manifest-too-large", `cannot read ${this.says}: its manifest has ${bytes.length} bytes`);
    }
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    if (what.startsWith("sha256:") && digest !== what) {
      throw new Failure("hash-mismatch", `cannot use ${this.says}@${what}: what came has the digest ${digest}`);
    }
    return { bytes, digest, mediaType: (response.headers.get("content-type") ?? "").split(";")[0] ?? "" };
  }

  /** The caller verifies what comes against the digest. */
  async blob(digest: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { body } = await this.#get(`blobs/${digest}`, {}, signal);
    if (body === null) throw new Failure("registry-failed", `cannot read ${this.says}@${digest}: the answer is empty`);
    return body;
  }

  async #get(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const url = new URL(`${this.says}/${path}`);
    const ask = async (): Promise<Response> =>
      await this.#fetch(url, {
        headers: { ...headers, ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }) },
        signal,
      });
    let response = await ask();
    if (response.status === 401) {
      this.#authorization = await this.#authorize(response.headers.get("www-authenticate") ?? "", signal);
      response = await ask();
    }
    if (response.ok) return response;
    const code = response.status === 404 ? "no-such-image" : "registry-failed";
    throw new Failure(code, `cannot read ${url.href}: the registry answered with status ${response.status}`);
  }

  /** @throws {Failure<"registry-refused">} when there is nothing to show */
  async #authorize(challenge: string, signal: AbortSignal): Promise<string> {
    const basic = this.#login === undefined ? undefined : `Basic ${this.#login}`;
    if (!/^bearer /i.test(challenge)) {
      if (basic !== undefined) return basic;
      throw new Failure("registry-refused", `cannot read ${this.says}: the registry wants a user name and a password`, {
        hint: "set settings.container-registry.credentials",
      });
    }
    if (this.#identityToken !== undefined) return `Bearer ${this.#identityToken}`;
    const parameters = new Map(
      Array.from(challenge.matchAll(/(\w+)="([^"]*)"/g), ([, name = "", value = ""]) => [name, value]),
    );
    const realm = URL.parse(parameters.get("realm") ?? "");
    if (realm === null) throw new Failure("registry-failed", `cannot read ${this.says}: it asks for a token of nobody`);
    realm.searchParams.set("service", parameters.get("service") ?? "");
    realm.searchParams.set("scope", parameters.get("scope") ?? `repository:${this.#name}:pull`);
    const answer = await this.#fetch(realm, { headers: basic === undefined ? {} : { authorization: basic }, signal });
    if (!answer.ok) {
      throw new Failure("registry-refused", `cannot read ${this.says}: no token, status ${answer.status}`);
    }
    const { token, access_token: accessToken } = tokenSchema.parse(parseJson(await answer.text()));
    return `Bearer ${token ?? accessToken ?? ""}`;
  }
}

const tokenSchema = z.object({ token: z.string().exactOptional(), access_token: z.string().exactOptional() });
