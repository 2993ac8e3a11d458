/**
 * Mirrors of registries, a `hosts.toml` for each; see containerd's docs/hosts.md. Read at each pull, so nothing restarts.
 *
 * The registry itself is asked last.
 */
import { stringify } from "smol-toml";
import type { Settings } from "../../../settings/model/model.ts";
import { registryHostsDirectory } from "../../containers/description.ts";
import { mirrorsOf, serverOf } from "../../containers/registry/registries.ts";
import type { ConfigFiles, RenderedFile } from "../config-file.ts";

export const registries: ConfigFiles = {
  name: registryHostsDirectory,
  restart: [],
  reload: [],
  render: ({ "container-registry": { mirrors = [] } }) =>
    [...new Set(mirrors.map(({ registry }) => registry))].map((name) => hostsToml(name, mirrors)),
};

type Mirrors = NonNullable<Settings["container-registry"]["mirrors"]>;

/** Without credentials: others than containerd may read it. */
function hostsToml(registry: string, mirrors: Mirrors): RenderedFile {
  const hosts = mirrorsOf(registry, { mirrors }).map(
    ({ url, hasPath, capabilities }) =>
      // A path in the endpoint stands for "/v2", as in the form that Bottlerocket's users know.
      [url, { capabilities, ...(hasPath ? { override_path: true } : {}) }] as const,
  );
  const server = serverOf(registry);
  const content = stringify({ ...(registry === "*" ? {} : { server }), host: Object.fromEntries(hosts) });
  return {
    path: `${registryHostsDirectory}/${registry === "*" ? "_default" : registry}/hosts.toml`,
    mode: 0o644,
    content: `# Written from settings.container-registry; changes are overwritten.\n${content}\n`,
  };
}
