/**
 * Answers containerd when a registry wants to know who asks: with the credential of the host that asked for it, which may
 * be a mirror, or a server that the registry sent it to, and of no other.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { AuthRequestSchema, AuthResponseSchema } from "../containerd/api/transfer-types_pb.ts";
import { packed } from "../containerd/streams.ts";
import { credentialsByHost, loginOf, type Login, type Registries } from "./registries.ts";

export type Answering = {
  answer: (message: Any) => Promise<Any>;
  /** What to set for hosts that asked in vain. */
  hint: () => { hint?: string };
};

export function answering(registries: Registries): Answering {
  const inVain = new Set<string>();
  return {
    async answer({ value }) {
      const { host } = fromBinary(AuthRequestSchema, value);
      const login = loginFor(host, registries);
      if (login === undefined) inVain.add(host);
      return await Promise.resolve(packed(AuthResponseSchema, responseOf(login)));
    },
    hint: () =>
      inVain.size === 0 ? {} : { hint: `set settings.container-registry.credentials for ${[...inVain].join(", ")}` },
  };
}

/** @param host as in a URL, with its port unless that is the default one */
export function loginFor(host: string, registries: Registries): Login | undefined {
  const credential = credentialsByHost(registries).get(host);
  return credential === undefined ? undefined : loginOf(credential);
}

const authTypes = { none: 0, password: 1, identityToken: 2 } as const;

function responseOf(login: Login | undefined) {
  if (login === undefined) return create(AuthResponseSchema, { authType: authTypes.none });
  const { username, secret } = login;
  if (username === "") return create(AuthResponseSchema, { authType: authTypes.identityToken, secret });
  return create(AuthResponseSchema, { authType: authTypes.password, username, secret });
}
