/** How a program on a laptop reaches a cluster: the current context of a kubeconfig, as kubectl reads it. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { machineClock } from "../lib/clock.ts";
import { defined } from "../lib/defined.ts";
import { Failure } from "../lib/failure.ts";
import { run } from "../lib/program/process.ts";
import { parseJson } from "../lib/text/json.ts";
import type { KubernetesConnection } from "./client.ts";

const cluster = z.object({
  server: z.string(),
  "certificate-authority": z.string().optional(),
  "certificate-authority-data": z.string().optional(),
  "insecure-skip-tls-verify": z.boolean().optional(),
});
const exec = z.object({
  command: z.string(),
  args: z.array(z.string()).nullish(),
  env: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
  apiVersion: z.string().optional(),
});
const user = z.object({
  "client-certificate": z.string().optional(),
  "client-certificate-data": z.string().optional(),
  "client-key": z.string().optional(),
  "client-key-data": z.string().optional(),
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  exec: exec.optional(),
});
const kubeconfig = z.object({
  "current-context": z.string().optional(),
  contexts: z.array(z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string() }) })),
  clusters: z.array(z.object({ name: z.string(), cluster })),
  users: z.array(z.object({ name: z.string(), user })),
});
type User = z.output<typeof user>;

const execCredential = z.object({
  status: z.object({
    token: z.string().optional(),
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
    expirationTimestamp: z.string().optional(),
  }),
});

const execLimits = { limitMs: 60_000, outputBytesMost: 1024 * 1024 };

/** @throws {Failure<"bad-kubeconfig">} */
export async function kubeconfigConnection(path: string, wantedContext?: string): Promise<KubernetesConnection> {
  const bad = (why: string): Failure<"bad-kubeconfig"> =>
    new Failure("bad-kubeconfig", `cannot use the kubeconfig ${path}: ${why}`);
  const read = kubeconfig.safeParse(parsedYaml(await readFile(path, "utf8"), bad));
  if (!read.success) throw bad(z.prettifyError(read.error));
  const { contexts, clusters, users } = read.data;
  const name = wantedContext ?? read.data["current-context"] ?? "";
  const context = contexts.find((each) => each.name === name)?.context;
  if (context === undefined) throw bad(`it has no context ${JSON.stringify(name)}`);
  const server = clusters.find((each) => each.name === context.cluster)?.cluster;
  if (server === undefined) throw bad(`it has no cluster ${JSON.stringify(context.cluster)}`);
  const user = users.find((each) => each.name === context.user)?.user;
  if (user === undefined) throw bad(`it has no user ${JSON.stringify(context.user)}`);
  const text = textsBeside(dirname(resolve(path)));
  const ca = await text(server["certificate-authority-data"], server["certificate-authority"]);
  const trust = {
    ...defined({ ca }),
    ...(server["insecure-skip-tls-verify"] === true ? { rejectUnauthorized: false } : {}),
  };
  let known: { init: BunFetchRequestInit; untilMs: number } | undefined;
  return {
    server: server.server,
    async credentials() {
      const nowMs = machineClock.now().getTime();
      if (known !== undefined && nowMs < known.untilMs) return known.init;
      const { tls, headers, untilMs = Number.POSITIVE_INFINITY } = await identityOf(user, text);
      known = { init: { tls: { ...trust, ...tls }, headers }, untilMs };
      return known.init;
    },
    fetch,
    clock: machineClock,
  };
}

function parsedYaml(text: string, bad: (why: string) => Failure): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw bad(error instanceof Error ? error.message : String(error));
  }
}

type Text = (data: string | undefined, file: string | undefined) => Promise<string | undefined>;

/** What is given as base64 in the file itself, or lies beside it. */
function textsBeside(directory: string): Text {
  return async (data, file) => {
    if (data !== undefined) return Buffer.from(data, "base64").toString();
    return file === undefined ? undefined : await readFile(resolve(directory, file), "utf8");
  };
}

type Identity = {
  tls: { cert?: string; key?: string };
  headers: Record<string, string>;
  /** Since 1970; for ever unless given. */
  untilMs?: number;
};

async function identityOf(user: User, text: Text): Promise<Identity> {
  if (user.exec !== undefined) return await executed(user.exec);
  const cert = await text(user["client-certificate-data"], user["client-certificate"]);
  const key = await text(user["client-key-data"], user["client-key"]);
  const token = user.token ?? (await text(undefined, user.tokenFile))?.trim();
  return identity({ cert, key, token });
}

function identity({ cert, key, token }: Record<"cert" | "key" | "token", string | undefined>): Identity {
  return {
    tls: cert === undefined || key === undefined ? {} : { cert, key },
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
}

/** Source: client.authentication.k8s.io, ExecCredential. */
async function executed({ command, args, env, apiVersion }: z.output<typeof exec>): Promise<Identity> {
  const asked = { apiVersion: apiVersion ?? "client.authentication.k8s.io/v1", kind: "ExecCredential", spec: {} };
  const own = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
  const { stdout } = await run([command, ...(args ?? [])], {
    ...execLimits,
    env: { ...process.env, ...own, KUBERNETES_EXEC_INFO: JSON.stringify(asked) },
  });
  const { status } = execCredential.parse(parseJson(stdout));
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp: until } = status;
  const untilMs = until === undefined ? 0 : Date.parse(until) - 30_000;
  return { ...identity({ cert, key, token }), untilMs };
}
