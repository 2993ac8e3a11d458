/** Manifests of pods that kubelet runs by itself; it watches the directory, so nothing restarts. */
import type { ConfigFiles } from "../config-file.ts";
import { nodeOf } from "./node.ts";
import { staticPodDirectory } from "./paths.ts";

export const staticPods: ConfigFiles = {
  name: staticPodDirectory,
  restart: [],
  reload: [],
  render(settings, facts) {
    const node = nodeOf(settings, facts);
    if (node === undefined || !node.kubernetes["static-pods-enabled"]) return [];
    return Object.entries(node.kubernetes["static-pods"]).flatMap(([name, { enabled, manifest }]) =>
      enabled && manifest !== undefined
        ? [
            {
              path: `${staticPodDirectory}/${name}`,
              mode: 0o600,
              content: Buffer.from(manifest, "base64").toString("utf8"),
            },
          ]
        : [],
    );
  },
};
