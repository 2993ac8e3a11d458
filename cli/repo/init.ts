/** `./orlop repo init` */
import { initRepository } from "../../repo/root-chain.ts";
import {
  parseCount,
  directory,
  repoCommand,
  rootKeyOption,
  signersFrom,
  signingFrom,
  signingOptions,
} from "./context.ts";

const threshold = (kind: string) =>
  ({ type: "text", value: "N", help: `How many ${kind} keys must sign`, default: "1", parse: parseCount }) as const;

export const init = repoCommand({
  name: "repo init",
  summary: "Make an empty repository with its first root role",
  description: `Root keys decide which keys may publish: keep them apart and offline, and give two or more. The root role is
written to root/1.root.json; images of your variants must carry it to trust the repository.`,
  examples: [
    {
      run: "./orlop repo init updates --root-key root.pem --key publication.pem",
      description: "one key of each kind",
    },
    {
      run: "./orlop repo init updates --root-key r1.pem --root-key r2.pem --root-threshold 2 --key publication.pem",
      description: "two root keys must sign every change of keys",
    },
  ],
  arguments: { directory },
  options: {
    "root-key": rootKeyOption,
    ...signingOptions,
    "root-threshold": threshold("root"),
    threshold: threshold("publication"),
  },
  async run(_context, values) {
    const signing = await signingFrom(values);
    const repository = await initRepository(values.directory, {
      rootSigners: await signersFrom(values["root-key"]),
      rootThreshold: values["root-threshold"],
      publicationKeys: signing.signers.map(({ key }) => key),
      publicationThreshold: values.threshold,
      signing,
    });
    const { version, expires, roles } = repository.roots[0].signed;
    return { directory: values.directory, root: { version, expires, keys: roles["root"]?.keyIDs ?? [] } };
  },
  print: ({ directory: made, root }) =>
    `made the repository ${made}: trust ${made}/root/1.root.json, which expires at ${root.expires}`,
});
