/** Where files of a node are; the names that people know from Bottlerocket. */
export const kubeletDirectory = "/etc/kubernetes/kubelet";
export const kubeletConfigPath = `${kubeletDirectory}/config`;
export const clusterCa = "/etc/kubernetes/pki/ca.crt";
export const serverCertificate = "/etc/kubernetes/pki/kubelet-server.crt";
export const serverKey = "/etc/kubernetes/pki/kubelet-server.key";
export const staticPodDirectory = "/etc/kubernetes/static-pods";
/** The certificate that kubelet asked for; a link that it moves when it renews it. */
export const clientCertificate = "/var/lib/kubelet/pki/kubelet-client-current.pem";
export const podNetworkTemplate = "/etc/containerd/pod-network.template";
export const credentialProviderConfig = `${kubeletDirectory}/credential-provider-config`;
