/**
 * Mirrors of registries, a `hosts.toml` for each; see containerd's docs/hosts.md. Read at each pull, so nothing restarts.
 *
 * The registry itself is asked last.
 */
import { stringify } from "smol-toml";
import type { Settings } from "../../settings/model.ts";
import type { ConfigFiles, RenderedFile } from "./config-file.ts";

export const registryDirectory = "/etc/containerd/certs.d";

export const registries: ConfigFiles = {
  name: registryDirectory,
  restart: [],
  reload: [],
  render: ({ "container-registry": { mirrors = [] } }) =>
    [...merged(mirrors)].map(([name, all]) => hostsToml(name, all)),
};

type Mirror = NonNullable<Settings["container-registry"]["mirrors"]>[number];

/** A registry may be named more than once; its mirrors are tried in the order written. */
function merged(mirrors: readonly Mirror[]): Map<string, Mirror[]> {
  return Map.groupBy(mirrors, ({ registry }) => registry);
}

function hostsToml(registry: string, mirrors: readonly Mirror[]): RenderedFile {
  const hosts = mirrors.flatMap((mirror) => {
    const capabilities = "capabilities" in mirror ? mirror.capabilities : ["pull", "resolve"];
    return mirror.endpoint.map((url) => {
      // A path in the endpoint stands for "/v2", as in the form that Bottlerocket's users know.
      const hasPath = new URL(url).pathname !== "/";
      return [url.replace(/\/$/, ""), { capabilities, ...(hasPath ? { override_path: true } : {}) }] as const;
    });
  });
  const server = registry === "docker.io" ? "https://registry-1.docker.io" : `https://${registry}`;
  const content = stringify({ ...(registry === "*" ? {} : { server }), host: Object.fromEntries(hosts) });
  return {
    path: `${registryDirectory}/${registry === "*" ? "_default" : registry}/hosts.toml`,
    mode: 0o644,
    content: `# Written from settings.container-registry; changes are overwritten.\n${content}\n`,
  };
}
