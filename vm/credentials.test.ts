import { X509Certificate } from "node:crypto";
import { connect, createServer } from "node:tls";
import type { AddressInfo } from "node:net";
import { expect, test } from "bun:test";
import { makeClients, makeCredentials } from "./credentials.ts";

test("the client's certificate is signed by the CA, names the subject and is for clients only", async () => {
  const { ca, certificate, key, subject } = await makeCredentials();
  const [authority, client] = [new X509Certificate(ca), new X509Certificate(certificate)];
  expect(authority.ca).toBe(true);
  expect(client.ca).toBe(false);
  expect(client.verify(authority.publicKey)).toBe(true);
  expect(client.checkIssued(authority)).toBe(true);
  expect(client.subject).toBe(`CN=${subject}`);
  expect(client.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
  expect(key).toStartWith("-----BEGIN PRIVATE KEY-----\n");
});

test("two calls share nothing", async () => {
  const [first, second] = [await makeCredentials(), await makeCredentials()];
  expect(new X509Certificate(first.certificate).verify(new X509Certificate(second.ca).publicKey)).toBe(false);
});

test("a TLS server that asks for the CA's clients lets them in and nobody else", async () => {
  const [ours, theirs] = [await makeClients(), await makeClients()];
  const server = createServer(
    { ...(await pair(ours)), ca: ours.certificate, requestCert: true, rejectUnauthorized: true },
    (socket) => socket.end(String(socket.getPeerCertificate().subject.CN)),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server on a port has an address with a port.
  const { port } = server.address() as AddressInfo;
  const greeting = async (client: { cert: string; key: string }): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...client });
      socket.on("data", (data) => resolve(data.toString()));
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("closed")));
    });
  expect(await greeting(await pair(ours, "reader"))).toBe("reader");
  await expect(greeting(await pair(theirs, "reader"))).rejects.toThrow();
  server.close();
});

async function pair(authority: Awaited<ReturnType<typeof makeClients>>, subject = "server") {
  const { certificate, key } = await authority.client(subject);
  return { cert: certificate, key };
}
