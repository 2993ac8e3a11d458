import { expect, test } from "bun:test";
import { sheltieCommand } from "./sheltie.ts";
import { adminFiles } from "./admin-files.ts";
import { letsAnybodyIn, readAdminUserData } from "./admin-user-data.ts";

const accounts = {
  passwd: "root:x:0:0:root:/root:/bin/bash\n",
  group: "root:x:0:\napi:x:274:\n",
  shadow: "root:*:::::::\n",
};

function contentOf(path: string, userData: unknown, of = accounts): string {
  const { data } = readAdminUserData(JSON.stringify(userData));
  return adminFiles(data, of).find((file) => file.path === path)?.content ?? "";
}

test("keys in the user data let ec2-user in, who may become root and talk to the API", () => {
  const userData = { ssh: { "authorized-keys": ["ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two"] } };
  expect(contentOf("/etc/ssh/authorized_keys", userData)).toBe("ssh-ed25519 AAAA one\nssh-ed25519 BBBB two\n");
  expect(contentOf("/etc/passwd", userData)).toEndWith("ec2-user:x:1000:1000::/home/ec2-user:/bin/bash\n");
  expect(contentOf("/etc/group", userData)).toContain("\napi:x:274:ec2-user\n");
  expect(contentOf("/etc/sudoers.d/admin", userData)).toStartWith("ec2-user ALL=");
  expect(contentOf("/etc/ssh/sshd_config", userData)).toContain("\nPasswordAuthentication no\n");
});

test("a container that starts again has its user once, under the name of now", () => {
  const again = { ...accounts, passwd: contentOf("/etc/passwd", { user: "ops" }) };
  expect(contentOf("/etc/passwd", { user: "ops" }, again)).toBe(again.passwd);
  expect(contentOf("/etc/passwd", { user: "dev" }, again)).toBe(contentOf("/etc/passwd", { user: "dev" }));
});

test("passwords, certificates, a command for keys and lists of algorithms reach sshd", () => {
  const userData = {
    user: "ops",
    "password-hash": "$y$j9T$salt$hash",
    ssh: {
      "trusted-user-ca-keys": ["ssh-ed25519 CCCC ca"],
      "authorized-keys-command": "/opt/aws/bin/eic_run_authorized_keys %u %f",
      "authorized-keys-command-user": "nobody",
      ciphers: ["aes256-gcm@openssh.com", "aes128-gcm@openssh.com"],
      "key-exchange-algorithms": ["curve25519-sha256"],
      macs: ["hmac-sha2-256"],
    },
  };
  expect(contentOf("/etc/shadow", userData)).toEndWith("ops:$y$j9T$salt$hash:::::::\n");
  const config = contentOf("/etc/ssh/sshd_config", userData).split("\n");
  expect(config).toContain("PasswordAuthentication yes");
  expect(config).toContain("TrustedUserCAKeys /etc/ssh/trusted_user_ca_keys");
  expect(config).toContain("AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f");
  expect(config).toContain("AuthorizedKeysCommandUser nobody");
  expect(config).toContain("Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com");
  expect(config).toContain("KexAlgorithms curve25519-sha256");
  expect(config).toContain("MACs hmac-sha2-256");
});

test("without user data nobody gets in, and that is said", () => {
  const { data, unknown } = readAdminUserData("");
  expect(letsAnybodyIn(data)).toBe(false);
  expect(unknown).toEqual([]);
});

test("what the container does not know is told and does not stop it", () => {
  const { unknown } = readAdminUserData('{"ssm":{},"ssh":{"authorised-keys":[]}}');
  expect(unknown).toEqual(["ssm", "ssh.authorised-keys"]);
});

test.each([
  ['{"user":"root"}', "at user"],
  ['{"user":"a b"}', "at user"],
  ['{"password-hash":"secret"}', "at password-hash"],
  ['{"ssh":{"authorized-keys":["one\\ntwo"]}}', "at ssh.authorized-keys.0"],
  ['{"ssh":{"ciphers":["a b"]}}', "at ssh.ciphers.0"],
  ["[]", "expected object"],
])("user data that would write another line, or another account, is refused: %s", (text, words) => {
  expect(() => readAdminUserData(text)).toThrow(words);
});

test("sheltie takes its shell along into the host, which has none", () => {
  const command = sheltieCommand(["-c", "id"], { pid: 42, uid: 0, term: "xterm" });
  expect(command.slice(0, 2)).toEqual(["nsenter", "--target=1"]);
  expect(command.slice(-4)).toEqual(["/proc/42/root/usr/bin/bash-static", "--norc", "-c", "id"]);
  expect(sheltieCommand(["-c", "id"], { pid: 42, uid: 1000, term: "xterm" })[0]).toBe("sudo");
});

test("a user whose name the container has for something else is refused, be it a group or an account", () => {
  expect(() => contentOf("/etc/group", { user: "api" })).toThrow(
    "cannot make the user api: the container has a group of that name",
  );
  const withGames = { ...accounts, passwd: `${accounts.passwd}games:x:5:60:games:/usr/games:/usr/sbin/nologin\n` };
  expect(() => contentOf("/etc/passwd", { user: "games" }, withGames)).toThrow("has an account of that name");
});
