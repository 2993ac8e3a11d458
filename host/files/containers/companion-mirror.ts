/** The update repository, for images of containers that come with the OS. Read when one is fetched, so nothing restarts. */
import { companionMirrorPath, type CompanionMirror } from "../../containers/companions/companion-mirror.ts";
import { defined } from "../../../lib/defined.ts";
import { withoutProxy } from "../../machine/outbound.ts";
import { configFile } from "../config-file.ts";

export const companionMirror = configFile({
  path: companionMirrorPath,
  mode: 0o600,
  render(settings) {
    const { updates, network } = settings;
    const mirror: CompanionMirror = {
      ...defined({
        metadata: updates["metadata-base-url"],
        targets: updates["targets-base-url"],
        seed: updates.seed,
        proxy: network["https-proxy"],
      }),
      noProxy: withoutProxy(settings),
    };
    return `${JSON.stringify(mirror, null, 2)}\n`;
  },
});
