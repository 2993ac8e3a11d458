/** What instances in EC2 have in common. */
import { baseGroupNames, type DefaultsOf, type Group } from "../settings/groups/group.ts";

export const awsGroups: readonly Group[] = [...baseGroupNames, "autoscaling", "aws", "cloudformation"];

/** The link-local address is EC2's own time service. */
export const awsDefaults: DefaultsOf = {
  ntp: { "time-servers": ["169.254.169.123", "2.amazon.pool.ntp.org"] },
};
