/** Who has a token, and what somebody may do: the cluster's own answers. */
import { z } from "zod";
import { Failure } from "../lib/failure.ts";
import { bytesOf } from "../lib/files/http-body.ts";
import { parseJson } from "../lib/text/json.ts";
import { type KubernetesClient, parsed, refusalOf } from "./client.ts";

/** Source: authentication.k8s.io/v1, UserInfo. */
const userInfo = z.object({
  username: z.string(),
  uid: z.string().default(""),
  groups: z.array(z.string()).default([]),
  extra: z.record(z.string(), z.array(z.string())).default({}),
});
export type ClusterUser = z.output<typeof userInfo>;

const tokenReview = z.object({
  status: z.object({ authenticated: z.boolean().default(false), user: userInfo.partial().optional() }),
});
const accessReview = z.object({ status: z.object({ allowed: z.boolean(), reason: z.string().default("") }) });

const limitMs = 15_000;
const answerLimits = { mostBytes: 256 * 1024, stallMs: limitMs };

/** Undefined when it is nobody's, or no longer. @throws {Failure<"cluster-refused" | "bad-cluster-answer">} */
export async function userOfToken(
  client: KubernetesClient,
  token: string,
  signal: AbortSignal,
): Promise<ClusterUser | undefined> {
  const path = "/apis/authentication.k8s.io/v1/tokenreviews";
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } };
  const { status } = parsed(tokenReview, await reviewed(client, path, body, signal), path);
  return status.authenticated ? userInfo.parse({ username: "", ...status.user }) : undefined;
}

/** `resource` in the plural: "fleetpolicies" of `group` "fleet.orlop.dev". */
export type Deed = { verb: string; group: string; resource: string };

/** @throws {Failure<"cluster-refused" | "bad-cluster-answer">} */
export async function mayDo(
  client: KubernetesClient,
  { username: user, uid, groups, extra }: ClusterUser,
  deed: Deed,
  signal: AbortSignal,
): Promise<boolean> {
  const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
  const spec = { user, uid, groups, extra, resourceAttributes: deed };
  const body = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec };
  return parsed(accessReview, await reviewed(client, path, body, signal), path).status.allowed;
}

async function reviewed(client: KubernetesClient, path: string, body: object, signal: AbortSignal): Promise<unknown> {
  const response = await client.ask(path, { method: "POST", body, limitMs }, signal);
  if (response.ok) return parseJson((await bytesOf(response, "the review", answerLimits)).toString());
  const { message } = await refusalOf(response);
  throw new Failure("cluster-refused", `cannot ask ${path}: the cluster answers ${response.status}: ${message}`);
}
