/**
 * What `settings.container-registry` means to containerd, which reads mirrors in files that are rendered for it, and
 * credentials in its configuration, for pods, or as answers to its questions, for the host's own containers.
 *
 * A credential is for the host that its name says, never for a mirror of it; user and password in the URL of a mirror are
 * for that mirror's host. A default port is no part of a name. Source: containerd's
 * core/remotes/docker/config/hosts.go and ParseAuth in its internal/cri/server/images/image_pull.go.
 */
import { isIP } from "node:net";
import { z } from "zod";

const capabilities = ["pull", "resolve", "push"] as const;
type Capability = (typeof capabilities)[number];

const mirrorSchema = z.object({
  registry: z.string(),
  endpoint: z.array(z.string()),
  capabilities: z.array(z.enum(capabilities)).exactOptional(),
});
const credentialSchema = z.object({
  registry: z.string(),
  username: z.string().exactOptional(),
  password: z.string().exactOptional(),
  auth: z.string().exactOptional(),
  identitytoken: z.string().exactOptional(),
});
export const registriesSchema = z.object({ mirrors: z.array(mirrorSchema), credentials: z.array(credentialSchema) });
export type Registries = z.infer<typeof registriesSchema>;
export type Credential = Registries["credentials"][number];

/** Where images of a registry may come from, beside itself. */
export type RegistryEndpoint = {
  /** Without credentials, a default port and a slash at the end: "https://mirror.example.com/cache". */
  url: string;
  /** A path in the URL stands for "/v2". */
  hasPath: boolean;
  capabilities: readonly Capability[];
};

/** A mirror that says nothing else. */
const usualCapabilities: readonly Capability[] = ["pull", "resolve"];

/** The mirrors of a registry, in order, each URL once; of `*` those for registries without any of their own. */
export function mirrorsOf(registry: string, { mirrors }: Pick<Registries, "mirrors">): RegistryEndpoint[] {
  const all = mirrors
    .filter((mirror) => mirror.registry === registry)
    .flatMap((mirror) => mirror.endpoint.map((url) => mirrorAt(url, mirror.capabilities ?? usualCapabilities)));
  return all.filter(({ url }, at) => all.findIndex((mirror) => mirror.url === url) === at);
}

function mirrorAt(text: string, able: readonly Capability[]): RegistryEndpoint {
  const { protocol, host: name, pathname } = new URL(text);
  const host = hubNames.includes(name) ? hubHost : name;
  const path = pathname.replace(/\/+$/, "");
  return { url: `${protocol}//${host}${path}`, hasPath: path !== "", capabilities: able };
}

/** The URL of the registry itself, asked last. One on this very host speaks plain HTTP unless its port says otherwise. */
export function serverOf(registry: string): string {
  const host = registry === "docker.io" ? hubHost : registry;
  const port = /:(\d+)$/.exec(host)?.[1];
  const isPlain = isLoopback(host) && port !== undefined && port !== "443";
  return `${isPlain ? "http" : "https"}://${host}`;
}

/** Where Docker Hub's images really come from. */
const hubHost = "registry-1.docker.io";
const hubNames = ["docker.io", "index.docker.io"];

/**
 * Credentials by the host that they are shown to, as containerd looks them up: names as written first, then what they are
 * with and without their default port. Of two for one host the first counts.
 */
export function credentialsByHost(registries: Registries): Map<string, Credential> {
  const all = [...credentialsInUrls(registries), ...registries.credentials].map((credential) => ({
    ...credential,
    registry: hubNames.includes(credential.registry) ? hubHost : credential.registry,
  }));
  const byHost = new Map<string, Credential>();
  const show = (host: string, credential: Credential): void => void (byHost.has(host) || byHost.set(host, credential));
  for (const credential of all) show(credential.registry, credential);
  for (const credential of all) {
    const host = credential.registry.replace(/:443$/, "");
    show(host, credential);
    if (!/:\d+$/.test(host)) show(`${host}:443`, credential);
  }
  for (const { protocol, host } of mirrorUrls(registries)) {
    const credential = protocol === "http:" ? all.find(({ registry }) => registry === `${host}:80`) : undefined;
    if (credential !== undefined) show(host, credential);
  }
  return byHost;
}

function credentialsInUrls(registries: Registries): Credential[] {
  return mirrorUrls(registries).flatMap(({ host, username, password }) =>
    username === "" || password === ""
      ? []
      : [{ registry: host, username: decoded(username), password: decoded(password) }],
  );
}

function mirrorUrls({ mirrors }: Pick<Registries, "mirrors">): URL[] {
  return mirrors.flatMap(({ endpoint }) => endpoint.map((url) => new URL(url)));
}

/** A percent sign that begins no escape stands for itself. */
function decoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (escapes) =>
    Buffer.from(escapes.replaceAll("%", ""), "hex").toString(),
  );
}

/** What a registry is shown. A secret without a user name is an identity token. */
export type Login = { username: string; secret: string };

export function loginOf({ username, password, identitytoken, auth }: Credential): Login | undefined {
  if (username !== undefined && username !== "") return { username, secret: password ?? "" };
  if (identitytoken !== undefined && identitytoken !== "") return { username: "", secret: identitytoken };
  const [, user, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(auth ?? "", "base64").toString()) ?? [];
  return user === undefined || secret === undefined ? undefined : { username: user, secret };
}

function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, "").replaceAll(/[[\]]/g, "");
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}
