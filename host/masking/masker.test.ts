import { expect, test } from "bun:test";
import { maskerOf, maskShapes } from "./masker.ts";
import { secretTexts } from "./secret-texts.ts";

test.each([
  ["AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "AWS_SECRET_ACCESS_KEY=(secret)"],
  ["key AKIAIOSFODNN7EXAMPLE of a user", "key (secret) of a user"],
  ["got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl here", "got (secret) here"],
  ["> Authorization: Bearer abc.def-ghi", "> Authorization: Bearer (secret)"],
  ['{"authorization":"Basic dXNlcjpwYXNz"}', '{"authorization":"Basic (secret)"}'],
  ["join with abcdef.0123456789abcdef now", "join with abcdef.(secret) now"],
  ["--password=hunter2 --verbose", "--password=(secret) --verbose"],
  ['"client_secret": "s3cr3t-value"', '"client_secret": "(secret)"'],
  ["via https://me:hunter2@proxy:3128/", "via https://me:(secret)@proxy:3128/"],
  ["via https://0123456789abcdef0123@proxy/", "via https://(secret)@proxy/"],
])("%s is shown as %s, whoever wrote it", (said, shown) => {
  expect(maskShapes(said)).toBe(shown);
});

test.each([
  "Started kubelet.service - Kubernetes Kubelet.",
  "pulling registry.example.com/app:v1.25.3 from https://mirror.example.com/v2/",
  'time="2026-01-01T00:00:00Z" level=info msg="token expired"',
  "secret volume default-token not mounted yet",
  "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  "ssh://git@example.com/repository",
])("%s is shown as it is", (said) => {
  expect(maskShapes(said)).toBe(said);
});

test("the longest secret that begins at a place is taken out, wherever it stands and however many are known", () => {
  const many = Array.from({ length: 10_000 }, (_, at) => `secret-${at}`);
  const mask = maskerOf([...many, "secret-77-and-more"]);
  expect(mask("secret-77-and-more, secret-9999secret-1.")).toBe("(secret), (secret)(secret).");
  expect(mask("secret-x")).toBe("secret-x");
  expect(maskerOf([])("secret-77")).toBe("secret-77");
});

test("of arguments and manifests what may be a password is secret, and the names of programs are not", () => {
  const command = ["/usr/bin/check", "--verbose", "--token=abcdefgh", "--password", "hunterhunter", "key4711key4711"];
  const mask = maskerOf(secretTexts("secret", command));
  expect(mask("abcdefgh hunterhunter key4711key4711")).toBe("(secret) (secret) (secret)");
  expect(mask("/usr/bin/check --verbose started")).toBe("/usr/bin/check --verbose started");
});

test("a password is secret also when it is nothing but letters and dashes, and the words of command lines are not", () => {
  const login = [{ registry: "registry.example.com", username: "deck", password: "swordfish-planted-secret" }];
  const mask = maskerOf(secretTexts("secret", login));
  expect(mask("deck at registry.example.com by swordfish-planted-secret")).toBe(
    "deck at registry.example.com by (secret)",
  );
  const variable = (value: string) => maskerOf(secretTexts("secret", value));
  expect(variable("swordfish-planted-secret")("it is swordfish-planted-secret")).toBe("it is (secret)");
  expect(variable("default")("the default namespace")).toBe("the default namespace");
  expect(variable("/usr/bin/check")("started /usr/bin/check")).toBe("started /usr/bin/check");
  const commands = maskerOf(secretTexts("secret", [["apiclient", "report-something", "containerd-shim"]]));
  expect(commands("apiclient and containerd-shim started")).toBe("apiclient and containerd-shim started");
});

test("of a URL its password, its query and what they mean are secret, and its place is not", () => {
  const mask = maskerOf(secretTexts("address", "https://me:p%40ssw0rd@example.com/path?key=abcdef12"));
  expect(mask("p@ssw0rd p%40ssw0rd abcdef12 example.com/path")).toBe("(secret) (secret) (secret) example.com/path");
});

/** What secrets begin with, over and over, of which none ever comes. */
const beginnings = [
  "-eyJ",
  "eyJaaaaaaaa.",
  "token:",
  "secret=",
  "authorization: ",
  "a://",
  "a://b:",
  "a-",
  "key ",
  "-----BEGIN ",
  "-----BEGIN PRIVATE KEY-----\n",
  "-----END RSA PRIVATE KEY-----\n",
  "PRIVATE KEY",
  "AKIA",
  "abcdef.",
  "ghp_",
  '"',
];

test("whoever prints does not decide how long it is looked at: the time grows with the text, and not with its square", () => {
  const startMs = performance.now();
  for (const beginning of beginnings) {
    const text = beginning.repeat(300_000 / beginning.length);
    maskShapes(text);
    secretTexts("secret", ["program", text]);
  }
  // It takes some seconds where a computer does much else; with one expression that looks ahead without an end, minutes.
  expect(performance.now() - startMs).toBeLessThan(60_000);
}, 600_000);

test("a key is masked from its beginning to its end, and as far as a key may reach where one of them is missing", () => {
  const [begin, end] = ["-----BEGIN EC PRIVATE KEY-----", "-----END EC PRIVATE KEY-----"];
  expect(maskShapes(`a ${begin}\nMHcCAQ\n${end} b ${begin}x${end} c`)).toBe("a (secret) b (secret) c");
  expect(maskShapes(`a ${begin}\n-----END RSA PRIVATE KEY-----\nMHcCAQ\n${end} b`)).toBe("a (secret) b");
  expect(maskShapes(`a ${begin}\nMHcCAQ`)).toBe("a (secret)");
  expect(maskShapes(`MHcCAQ\n${end} b`)).toBe("(secret) b");
  const far = "x".repeat(70_000);
  expect(maskShapes(`${begin}${far} b`)).toBe(`(secret)${far.slice(65_536)} b`);
  expect(maskShapes(`${far}${end} b`)).toBe(`${far.slice(65_536)}(secret) b`);
  expect(maskShapes(`${begin}${far}${end} b`).replaceAll("x", "")).toBe("(secret)(secret) b");
});

test("of what is written beside a token, it stays", () => {
  const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl";
  expect(maskShapes(`jwt-${token}, and ${token}`)).toBe("jwt-(secret), and (secret)");
});
