/** The AWS region, for a host whose user data did not come from EC2. */
import type { Generator } from "./generator.ts";
import { reachedImds } from "./instance-metadata.ts";

export const region: Generator = {
  key: "settings.aws.region",
  group: "aws",
  platform: "aws",
  description: "the region of the instance, from its metadata",
  async generate({ system }, signal) {
    const imds = await reachedImds(system, signal);
    return imds.value("meta-data/placement/region", signal);
  },
};
