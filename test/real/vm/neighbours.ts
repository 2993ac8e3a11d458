/**
 * Two pods of a node: one keeps a file and runs a program, and its neighbour sees the directory and all processes of the node,
 * as root with the capabilities that pods are given for that. What it cannot do, categories alone keep it from.
 */
import type { TestCluster } from "./cluster.ts";

/** Each changes nothing. */
export const attempts = {
  "reads its file": "cat /theirs/file",
  "writes beside it": "touch /theirs/made && rm /theirs/made",
  "sends its process a signal": "kill -CONT $pid",
  "goes by its root": "ls /proc/$pid/root/kept",
  "reads its arguments": "grep -q . /proc/$pid/cmdline",
  "reads its environment": "grep -q . /proc/$pid/environ",
} as const;

/** @param pid of the keeper's program, which a neighbour could not even find */
const scriptFor = (pid: string): string =>
  [
    `pid=${pid}`,
    ...Object.entries(attempts).map(([name, attempt]) => `(${attempt}) >/dev/null 2>&1 && echo '${name}'`),
    "echo end; exec sleep 1d",
  ].join("\n");

/** `label` as kernel and runtime have it: `system_u:system_r:container_t:s0:c1,c2`; `pid` as all of the node see it. */
export type Keeper = { label: string; pid: string };

/** Applies the pod `keeper`. */
export async function startKeeper(cluster: TestCluster, image: string): Promise<Keeper> {
  // kubelet makes one dollar of two.
  const args = ["echo kept > /kept/file; echo $$$$; exec sleep 1d"];
  await cluster.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "keeper" },
    spec: {
      hostPID: true,
      terminationGracePeriodSeconds: 1,
      tolerations: [{ operator: "Exists" }],
      containers: [{ name: "main", image, args, volumeMounts: [{ name: "kept", mountPath: "/kept" }] }],
      volumes: [{ name: "kept", emptyDir: {} }],
    },
  });
  await cluster.untilPod("keeper");
  const label = (await cluster.kubectl("exec", "keeper", "--", "cat", "/proc/self/attr/current")).replace(
    /\0?\n?$/,
    "",
  );
  return { label, pid: (await cluster.kubectl("logs", "keeper")).trim() };
}

/**
 * The attempts of a neighbour of `keeper` that succeed.
 *
 * @param level that it asks for; categories of its own unless given
 */
export async function succeeding(
  cluster: TestCluster,
  { name, image, keeper, level }: { name: string; image: string; keeper: Keeper; level?: string },
): Promise<string[]> {
  const uid = await cluster.kubectl("get", "pod", "keeper", "--output=jsonpath={.metadata.uid}");
  const path = `/var/lib/kubelet/pods/${uid}/volumes/kubernetes.io~empty-dir/kept`;
  const securityContext = {
    capabilities: { add: ["SYS_PTRACE", "KILL", "DAC_OVERRIDE", "DAC_READ_SEARCH"] },
    ...(level === undefined ? {} : { seLinuxOptions: { level } }),
  };
  const volumeMounts = [{ name: "theirs", mountPath: "/theirs" }];
  await cluster.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      hostPID: true,
      terminationGracePeriodSeconds: 1,
      tolerations: [{ operator: "Exists" }],
      containers: [{ name: "main", image, args: [scriptFor(keeper.pid)], securityContext, volumeMounts }],
      volumes: [{ name: "theirs", hostPath: { path, type: "Directory" } }],
    },
  });
  await cluster.untilPod(name);
  let lines: string[] = [];
  await cluster.until(`${name} has tried all`, async () => {
    lines = (await cluster.kubectl("logs", name)).trim().split("\n");
    return lines.at(-1) === "end";
  });
  // It would try again with the next boot.
  await cluster.kubectl("delete", "pod", name);
  return lines.slice(0, -1);
}
