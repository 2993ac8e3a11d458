/** The regions of AWS that a verb works on. */
import { accessTo, type RegionAccess } from "../../publish/aws/access.ts";
import { type AwsInfra, chosenRegions, readInfra } from "../../publish/aws/infra.ts";

export type Aws = { infra: AwsInfra; regions: [RegionAccess, ...RegionAccess[]] };

export async function awsFrom(values: { infra: string; regions: readonly string[] | undefined }): Promise<Aws> {
  const infra = await readInfra(values.infra);
  const [first, ...rest] = chosenRegions(infra, values.regions ?? []);
  return { infra, regions: [accessTo(infra, first), ...rest.map((region) => accessTo(infra, region))] };
}
