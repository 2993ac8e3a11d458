/** Pods that every kubelet takes as static ones; between them they have most of what such pods have. */
import type { Json } from "../../../lib/text/json.ts";

const metadata = {
  name: "web",
  namespace: "kube-system",
  labels: { app: "web", "example.com/tier": "front" },
  annotations: { "example.com/Note": "any text" },
};
const containers = [{ name: "web", image: "registry.example.com/web:1" }];

export const goodPods: readonly Json[] = [
  { apiVersion: "v1", kind: "Pod", metadata, spec: { containers } },
  {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "control" },
    spec: {
      hostNetwork: true,
      priorityClassName: "system-node-critical",
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      containers: [
        {
          name: "control",
          image: "registry.example.com/control:1",
          imagePullPolicy: "IfNotPresent",
          command: ["control", "--config=/etc/control"],
          args: ["--v=2"],
          workingDir: "/",
          ports: [
            { name: "https", containerPort: 6443, hostPort: 6443, protocol: "TCP" },
            { containerPort: 53, protocol: "UDP" },
          ],
          resources: { requests: { cpu: "250m", memory: "100Mi" }, limits: { cpu: 1, memory: "1Gi" } },
          livenessProbe: {
            httpGet: {
              host: "127.0.0.1",
              path: "/livez",
              port: 6443,
              scheme: "HTTPS",
              httpHeaders: [{ name: "X-A", value: "b" }],
            },
            initialDelaySeconds: 10,
            periodSeconds: 10,
            timeoutSeconds: 15,
            failureThreshold: 8,
          },
          readinessProbe: { tcpSocket: { port: "https" }, successThreshold: 1 },
          lifecycle: { preStop: { exec: { command: ["stop"] } } },
          volumeMounts: [
            { name: "etc", mountPath: "/etc/control", readOnly: true },
            { name: "data", mountPath: "/var/lib/control", subPath: "a/b", mountPropagation: "HostToContainer" },
          ],
          securityContext: {
            runAsUser: 0,
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] },
            seccompProfile: { type: "RuntimeDefault" },
          },
        },
      ],
      volumes: [
        { name: "etc", hostPath: { path: "/etc/control", type: "DirectoryOrCreate" } },
        { name: "data", emptyDir: { sizeLimit: "1Gi", medium: "" } },
      ],
      securityContext: {
        fsGroup: 1000,
        supplementalGroups: [1, 2],
        sysctls: [{ name: "kernel.shm_rmid_forced", value: "0" }],
      },
    },
  },
  {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "agent.example", labels: {} },
    spec: {
      hostPID: true,
      hostname: "agent",
      subdomain: "sub",
      dnsPolicy: "None",
      dnsConfig: { nameservers: ["10.0.0.10"], searches: ["example.com"], options: [{ name: "ndots", value: "2" }] },
      hostAliases: [{ ip: "10.0.0.1", hostnames: ["one.example"] }],
      nodeSelector: { "example.com/disk": "ssd" },
      tolerations: [
        { key: "dedicated", operator: "Equal", value: "gpu", effect: "NoSchedule" },
        { operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 },
      ],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] }],
          },
        },
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 10,
              podAffinityTerm: { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "a" } } },
            },
          ],
        },
      },
      initContainers: [
        {
          name: "prepare",
          image: "registry.example.com/prepare:1",
          volumeMounts: [{ name: "shared", mountPath: "/out" }],
        },
      ],
      containers: [
        {
          name: "agent",
          image: "registry.example.com/agent:1",
          env: [
            { name: "A", value: "1" },
            { name: "NODE_IP", valueFrom: { fieldRef: { fieldPath: "status.hostIP" } } },
            { name: "LIMIT", valueFrom: { resourceFieldRef: { resource: "limits.memory" } } },
          ],
          startupProbe: { exec: { command: ["true"] }, failureThreshold: 30 },
          volumeMounts: [
            { name: "shared", mountPath: "/in" },
            { name: "info", mountPath: "/info" },
          ],
          terminationMessagePath: "/dev/end",
          terminationMessagePolicy: "FallbackToLogsOnError",
          stdin: true,
          tty: true,
        },
        { name: "beside", image: "registry.example.com/beside:1", securityContext: { privileged: true } },
      ],
      volumes: [
        { name: "shared", emptyDir: {} },
        {
          name: "info",
          downwardAPI: { defaultMode: 0o644, items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] },
        },
        { name: "nfs", nfs: { server: "files.example.com", path: "/data" } },
        {
          name: "all",
          projected: {
            sources: [{ downwardAPI: { items: [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }] } }],
          },
        },
      ],
    },
  },
];
