/** The AWS region, for a host whose user data did not come from EC2. */
import { Imds } from "../machine/imds.ts";
import type { Generator } from "./generator.ts";

const imdsWaitMs = 10_000;

export const region: Generator = {
  key: "settings.aws.region",
  group: "aws",
  platform: "aws",
  description: "the region of the instance, from its metadata",
  async generate({ system }, signal) {
    const imds = new Imds(system);
    await imds.reachable(imdsWaitMs, signal);
    return imds.value("meta-data/placement/region", signal);
  },
};
