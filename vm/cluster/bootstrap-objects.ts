/**
 * What `kubeadm init` puts into a new cluster so that nodes can join: who may ask for a certificate by a token, and whose
 * requests are approved by themselves. Source: kubeadm's phase bootstrap-token.
 */

/** Whoever shows a bootstrap token is in this group. */
const joining = "system:bootstrappers:kubeadm:default-node-token";
const nodes = "system:nodes";

export function bootstrapObjects(token: string): object {
  return {
    apiVersion: "v1",
    kind: "List",
    items: [
      tokenSecret(token),
      binding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", joining),
      binding(
        "kubeadm:node-autoapprove-bootstrap",
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        joining,
      ),
      binding(
        "kubeadm:node-autoapprove-certificate-rotation",
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        nodes,
      ),
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRole",
        metadata: { name: "kubeadm:get-nodes" },
        rules: [{ apiGroups: [""], resources: ["nodes"], verbs: ["get"] }],
      },
      binding("kubeadm:get-nodes", "kubeadm:get-nodes", joining),
    ],
  };
}

/** Source: BootstrapTokens of Kubernetes. It expires never; its cluster ends with this computer's session. */
function tokenSecret(token: string): object {
  const [id = "", secret = ""] = token.split(".");
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: `bootstrap-token-${id}`, namespace: "kube-system" },
    type: "bootstrap.kubernetes.io/token",
    stringData: {
      "token-id": id,
      "token-secret": secret,
      "usage-bootstrap-authentication": "true",
      "usage-bootstrap-signing": "true",
      "auth-extra-groups": joining,
    },
  };
}

function binding(name: string, role: string, group: string): object {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: group }],
  };
}
