/** The services of AWS as this computer's owner may use them, region by region. */
import { EBSClient } from "@aws-sdk/client-ebs";
import { EC2Client } from "@aws-sdk/client-ec2";
import { SSMClient } from "@aws-sdk/client-ssm";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { fromNodeProviderChain, fromTemporaryCredentials } from "@aws-sdk/credential-providers";
import { defined } from "../../lib/defined.ts";
import { assert } from "../../lib/failure.ts";
import type { AwsInfra } from "./infra.ts";

/** What it takes to talk to a region. */
export type RegionAccess = {
  region: string;
  ebs: EBSClient;
  ec2: EC2Client;
  ssm: SSMClient;
  sts: STSClient;
};

/** EBS answers with throttling when blocks come too fast; the SDK then waits longer each time. */
const mostAttempts = 10;

/** Credentials are those of the profile, then those of `role`, then those of the region's own role. */
export function accessTo(infra: AwsInfra, region: string): RegionAccess {
  const { role, endpoint } = infra.region[region] ?? {};
  const clientConfig = { region, ...defined({ endpoint }) };
  let credentials = fromNodeProviderChain({
    ...defined({ profile: infra.profile }),
    clientConfig,
  });
  for (const RoleArn of [infra.role, role].filter((arn) => arn !== undefined)) {
    credentials = fromTemporaryCredentials({
      masterCredentials: credentials,
      params: { RoleArn, RoleSessionName: "orlop-publish" },
      clientConfig,
    });
  }
  const config = { ...clientConfig, credentials, maxAttempts: mostAttempts };
  return {
    region,
    ebs: new EBSClient(config),
    ec2: new EC2Client(config),
    ssm: new SSMClient(config),
    sts: new STSClient(config),
  };
}

/** The number of the account that calls are made in. */
export async function accountOf({ sts }: RegionAccess, signal: AbortSignal): Promise<string> {
  const { Account } = await sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal });
  assert(Account !== undefined, "STS tells whose account it is");
  return Account;
}
