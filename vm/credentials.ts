/**
 * The certificates with which a laptop is let into the machines that it starts.
 *
 * Made anew for every machine: a CA that lives only for this call, and one client certificate under it. What the guest
 * gets is the CA's certificate; the CA's key is forgotten, so nobody can ever make a second client.
 */
import { makeAuthority } from "./authority.ts";

/** All in PEM, but for the name. */
export type Credentials = {
  ca: string;
  certificate: string;
  key: string;
  /** Common name of the client's certificate, which the host maps to a role. */
  subject: string;
};

/** A client under a CA of its own. */
export async function makeCredentials(subject = "orlop-up"): Promise<Credentials> {
  const ca = await makeClients();
  return ca.client(subject);
}

export type Clients = { certificate: string; client(subject: string): Promise<Credentials> };

/** A CA, for who needs several clients of one. */
export async function makeClients(): Promise<Clients> {
  const authority = await makeAuthority("orlop machines of one laptop");
  const ca = authority.certificate;
  return {
    certificate: ca,
    client: async (subject) => ({ ca, subject, ...(await authority.issue({ commonName: subject, client: true })) }),
  };
}
