/** Mirrors and credentials for the images of the host's own containers. Read at each pull, so nothing restarts. */
import { registriesPath } from "../../containers/description.ts";
import type { Registries } from "../../containers/registry/registries.ts";
import { configFile } from "../config-file.ts";

export const hostRegistries = configFile({
  path: registriesPath,
  mode: 0o600,
  render({ "container-registry": { mirrors = [], credentials = [] } }) {
    const registries: Registries = { mirrors, credentials };
    return `${JSON.stringify(registries, null, 2)}\n`;
  },
});
