/** `settings.container-registry` */
import { z } from "zod";
import { registryHost, registryText } from "../../values/oci-names.ts";
import { setting, table } from "../../model/setting.ts";
import { line } from "../../values/text.ts";
import { address, listOf, oneOf, secret, tableOf, typeOf } from "../../model/type.ts";
import { registryUrl } from "../../values/url.ts";

const mirror = typeOf("a table with registry and endpoint", (refusal) =>
  tableOf(
    {
      registry: registryHost.schema(),
      endpoint: listOf(registryUrl).schema(),
      capabilities: listOf(oneOf("pull", "resolve", "push"))
        .schema()
        .exactOptional(),
    },
    refusal,
  ),
);

/** The table form is the one of Bottlerocket before 1.4; the list is what comes out. */
const mirrors = address(
  typeOf("a list of tables with registry and endpoint, or a table of endpoints for each registry", (refusal) =>
    z.union(
      [
        listOf(mirror).schema(),
        z
          .record(z.string().regex(registryText), listOf(registryUrl).schema(), refusal)
          .transform((table) => Object.entries(table).map(([registry, endpoint]) => ({ registry, endpoint }))),
      ],
      refusal,
    ),
  ),
);

const credential = secret(
  typeOf("a table with registry, and username and password, auth or identitytoken", (refusal) =>
    tableOf(
      {
        registry: registryHost.schema(),
        username: line.schema().exactOptional(),
        password: line.schema().exactOptional(),
        auth: line.schema().exactOptional(),
        identitytoken: line.schema().exactOptional(),
      },
      refusal,
    ).refine(
      ({ username, password, auth, identitytoken }) =>
        (username === undefined) === (password === undefined) && (username ?? auth ?? identitytoken) !== undefined,
      refusal,
    ),
  ),
);

export const containerRegistry = table(
  "Where images come from.",
  {
    mirrors: setting({
      type: mirrors,
      doc: "Mirrors, tried in order before the registry itself. User and password may stand in the URL of one.",
      example: [{ registry: "docker.io", endpoint: ["https://mirror.example.com"] }],
    }),
    credentials: setting({
      type: listOf(credential),
      doc: "Credentials, with the fields of a Docker configuration file, each for the one host that it names: a mirror gets its own, never those of the registry that it stands for.",
      example: [{ registry: "registry.example.com", username: "puller", password: "…" }],
    }),
  },
  { creds: "credentials" },
);
