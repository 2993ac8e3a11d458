/**
 * The package lists that images and the builder's tools are made from, with the reason for each package.
 *
 * A name here brings what it depends on, never what it recommends. What a variant has beyond these stands in its own
 * file in `variants/`.
 */
import type { Architecture, Variant } from "../../variants/variant.ts";

type Reasons = Readonly<Record<string, string>>;

/** What every host has. */
export const basePackages: Reasons = {
  systemd: "runs everything; also networkd, journald, tmpfiles, sysusers, growfs",
  "systemd-sysv": "/sbin/init, poweroff and reboot",
  "systemd-repart": "grows and makes the data and private partitions at first boot",
  "systemd-boot-efi": "the stub that boot addons are made from (settings.boot); the rest of it stays out of the root",
  "systemd-resolved": "names from settings.dns and DHCP",
  "libnss-resolve": "lets programs that use the C library ask systemd-resolved",
  "libnss-myhostname": "the host's own name resolves without a line in /etc/hosts",
  "libnss-systemd": "dynamic users have names",
  udev: "device nodes and links, loading of drivers",
  kmod: "loads modules: settings.kernel.modules, drivers",
  "dbus-broker": "the system bus: hostd talks to systemd, networkd and resolved over it",
  mount: "mount and umount for systemd's mount units",
  "util-linux": "fsck, agetty for the console, blkid",
  dmsetup: "opens system extensions, each by a verity device (settings.extensions)",
  e2fsprogs: "mkfs and fsck of the data and private partitions",
  "cryptsetup-bin": "encrypts them (settings.storage.encryption)",
  "systemd-cryptsetup": "opens them with the TPM",
  "libtss2-esys-3.0.2-0t64": "how systemd talks to a TPM",
  "libtss2-rc0t64": "loaded with it",
  "libtss2-tcti-device0t64": "the TPM of a machine, by way of the kernel",
  mdadm: "several ephemeral disks become one (apiclient ephemeral-storage)",
  xfsprogs: "mkfs.xfs for them",
  coreutils: "cat, which hands on what host containers print",
  makedumpfile: "keeps what a crashed kernel left, without the pages of programs",
  chrony: "time, from settings.ntp",
  libseccomp2: "filters the system calls of containers, for runc",
  "ca-certificates": "the certificates that the trust store is built from (data only)",
  tzdata: "leap seconds for chrony, UTC",
  netbase: "/etc/protocols and /etc/services, which the C library and iptables read",
};

/**
 * What roots do without although packages depend on it, unless a variant asks for it by name. No maintainer script
 * runs, on the build machine or on the host, so everything that only those scripts need goes; so do shells and
 * interpreters.
 */
export const excludedPackages: Reasons = {
  adduser: "users are made by the builder",
  "base-files": "the builder lays out the root and writes os-release",
  "base-passwd": "users are made by the builder",
  bash: "no shell on a host",
  dash: "no shell on a host",
  debconf: "asks questions for maintainer scripts; perl",
  debianutils: "for maintainer scripts",
  dpkg: "no package manager on a host",
  "init-system-helpers": "for maintainer scripts; perl",
  "initramfs-tools": "the builder makes its own initrd",
  iproute2: "chrony wants it only for a hook of ifupdown; systemd-networkd configures the network",
  "libpam-runtime": "nobody logs in; its files are made by a maintainer script",
  "libpam-modules": "nobody logs in",
  "libpam-modules-bin": "nobody logs in",
  "linux-base": "perl; helps maintainer scripts of kernels",
  mawk: "no interpreter on a host",
  openssl: "ca-certificates wants it to hash certificates in its maintainer script",
  perl: "no interpreter on a host",
  "perl-base": "no interpreter on a host",
  "sensible-utils": "for maintainer scripts",
  ucf: "for maintainer scripts",
};

/** The same, only for what every host has: elsewhere they are wanted. */
export const excludedFromBase: Reasons = {
  libicu76: "xfs_scrub wants it",
  python3: "xfs_scrub_all wants it; no interpreter on a host",
  "python3-dbus": "xfs_scrub_all wants it",
  "libtss2-tcti-cmd0t64": "a TPM behind a program, which no host has",
  "libtss2-tcti-mssim0t64": "a TPM that is played",
  "libtss2-tcti-swtpm0t64": "a TPM that is played",
  "tpm-udev": "gives the TPM to users that hosts do not have",
};

/** The same, for what a package of a variant depends on. */
export const excludedBeside: Readonly<Record<string, Reasons>> = {
  "docker.io": {
    containerd: "every host has version 2, from its recipe",
    runc: "every host has a newer one, from its recipe",
  },
  "open-vm-tools": {
    "libfuse3-4": "shared folders and snapshots of files, which servers do not have",
    libxml2: "vouches for users of guest operations, which are off",
    libxmlsec1t64: "the same",
    "libxmlsec1t64-openssl": "the same",
    "lsb-release": "names the distribution; os-release does",
    pciutils: "lspci for its support script",
  },
};

/** The kernel of each flavour, by the name of its set. */
export const kernelPackages: Readonly<Record<Variant["kernel"], (architecture: Architecture) => string>> = {
  cloud: (architecture) => `linux-image-cloud-${debianArchitecture(architecture)}`,
  generic: (architecture) => `linux-image-${debianArchitecture(architecture)}`,
};

/** What modules for it are compiled with; its headers bring the compiler that it was made with. */
export const headerPackages: typeof kernelPackages = {
  cloud: (architecture) => `linux-headers-cloud-${debianArchitecture(architecture)}`,
  generic: (architecture) => `linux-headers-${debianArchitecture(architecture)}`,
};

/** Files of the target's architecture that the builder puts on the ESP: systemd-boot and the stub of unified images. */
export const bootPackages: Reasons = {
  "systemd-boot-efi": "the boot loader and the stub that a unified kernel image starts with",
};

/** What the initrd takes single files from (`image/initrd/`); none of it reaches the root by this. */
export const initrdPackages: Reasons = {
  execline: "a script of the initrd without a shell: each word runs the next program in its own place",
  "klibc-utils": "insmod and mount of some 10 KB that start in a quarter of the time",
  dmsetup: "makes the verity device",
  "util-linux": "blkid, findfs and switch_root",
  coreutils: "basename, cp, echo, sleep, timeout",
};

/** Programs that the builder and the virtual machines run, on the builder's machine. */
export const toolPackages: Reasons = {
  coreutils: "env, which the first line of ukify names",
  "cryptsetup-bin": "veritysetup makes hash trees",
  dosfstools: "mkfs.fat for the ESP",
  e2fsprogs: "mkfs.ext4",
  "erofs-utils": "mkfs.erofs",
  faketime: "a signature carries the time it was made at; ours carries the lock's",
  fdisk: "sfdisk shows what is on an image",
  kmod: "depmod for the modules of an image",
  "libc-bin": "ldconfig",
  mtools: "files on the ESP without mounting it",
  openssl: "keys and certificates for Secure Boot",
  ovmf: "UEFI firmware for virtual machines",
  python3: "ukify is written in it",
  "python3-cryptography": "ukify signs with it and makes keys",
  "qemu-system-x86": "virtual machines",
  "qemu-utils": "qemu-img converts and grows images",
  sbsigntool: "signs UEFI binaries",
  secilc: "compiles the policy of SELinux",
  systemd: "systemd-measure, systemd-sysusers, systemd-hwdb, systemd-analyze verify",
  "systemd-repart": "lays out disk images; systemd-sbsign",
  "systemd-boot-tools": "bootctl",
  "systemd-ukify": "makes unified kernel images",
  tar: "layers of container images",
  udev: "systemd-hwdb",
  "xz-utils": "reads modules and indexes",
  xorriso: "makes the CD-ROM that tests hand user data over with",
  zstd: "compresses images",
  cpio: "makes initrds",
};

/** Only who boots images of the other architecture needs these. */
export const aarch64ToolPackages: Reasons = {
  "qemu-system-arm": "virtual machines of aarch64",
  "qemu-efi-aarch64": "UEFI firmware for them",
};

/** Compiles what images have beyond Debian's packages (`image/recipes/`). */
export const goPackages: Reasons = {
  "ca-certificates": "a proxy of Go modules is reached over TLS",
  "golang-go": "the compiler",
  "libc-bin": "ldconfig",
};

/** Beside Go, compiles C for any architecture, on a machine of this one. */
export function compilerPackages(architecture: Architecture): Reasons {
  const foreign = { x86_64: "arm64", aarch64: "amd64" } as const satisfies Record<Architecture, string>;
  return {
    binutils: "the assembler and the linker for this machine",
    "gcc-aarch64-linux-gnu": "for machines of aarch64",
    "gcc-x86-64-linux-gnu": "for machines of x86_64",
    "libc6-dev": "the C library for this machine",
    [`libc6-dev-${foreign[architecture]}-cross`]: "the C library for the others",
    "pkgconf-bin": "says how a library is linked",
  };
}

/** Libraries of the target's architecture that programs of recipes are linked with. */
export const libraryPackages: Reasons = {
  "libseccomp-dev": "for runc",
};

/** Compiles modules of the kernel, beside its headers. */
export const modulePackages: Reasons = {
  "base-files": "texts of the licences that all others refer to, for who passes them on",
  coreutils: "Kbuild copies and compares",
  dash: "Kbuild's shell",
  findutils: "the build of a driver looks for its sources",
  grep: "Kbuild looks into files",
  "libc-bin": "ldconfig, and getconf for objtool",
  make: "reads Kbuild",
  mawk: "Kbuild turns lists",
  sed: "Kbuild writes lists with it",
};

/** A driver that people load into hosts, as source: Falco's, for the test that a module kit compiles it. */
export const driverPackages: Reasons = {
  "falcosecurity-scap-dkms": "source of the driver that Falco reads system calls from",
};

/** The image that every pod of Kubernetes starts from. */
export const pausePackages: Reasons = {
  catatonit: "process 1 of a pod: does nothing but reap, in one static file",
};

/** The store of the control plane that tests and `./orlop cluster` run. */
export const etcdPackages: Reasons = {
  "etcd-server": "the store",
  "libc-bin": "ldconfig",
};

/** What people write images to disks with, for the test that ours can be written so. */
export const bmapPackages: Reasons = {
  "bmap-tools": "reads the map beside an image",
  dash: "through which it starts zstd",
  zstd: "unpacks the image",
  "libc-bin": "ldconfig",
};

/** The registry that serves images to virtual machines on this computer, in a root of its own. */
export const registryPackages: Reasons = {
  "docker-registry": "the registry",
  skopeo: "copies images into it",
  "libc-bin": "ldconfig",
};

/** The browser in which pages are tested, in a root of its own. */
export const browserPackages: Reasons = {
  chromium: "the browser",
  fontconfig: "finds fonts",
  "fonts-dejavu-core": "letters that are the same on every computer",
  "libc-bin": "ldconfig",
};

/** Signs with a key that stands in a token, in a root of its own. */
export const tokenPackages: Reasons = {
  faketime: "as in the tools",
  "libc-bin": "ldconfig",
  openssl: "signs what firmware takes keys from",
  "pkcs11-provider": "lets OpenSSL use tokens",
  softhsm2: "a token of files, for tests and for whoever has no other",
  "systemd-repart": "systemd-sbsign",
};

/** What systemd-measure writes the policy of a TPM with; beside the tools, for the step that signs. */
export const policyPackages: Reasons = {
  "libtss2-esys-3.0.2-0t64": "loaded with the others",
  "libtss2-mu-4.0.1-0t64": "puts structures of a TPM into bytes",
  "libtss2-rc0t64": "loaded with the others",
};

/** A TPM without the chip, for virtual machines and tests, and what checks what it answers. */
export const tpmPackages: Reasons = {
  "libc-bin": "ldconfig",
  swtpm: "the TPM",
  "tpm2-tools": "another reader of what a TPM signs, for the tests of ours",
};

/** The shells whose completion scripts are tested, in a root of their own. */
export const shellPackages: Reasons = {
  bash: "the shell of most people",
  fish: "another shell",
  zsh: "another shell",
  dash: "/bin/sh, for the program that is completed in the test",
  "libc-bin": "ldconfig",
};

/** What the runtime of a host stands on, for tests that ask the real one what it makes of our configuration. */
export const runtimePackages: Reasons = {
  libseccomp2: "filters the system calls of containers, for runc",
  "libc-bin": "ldconfig",
};

/** For the images that tests make. */
export const busyboxPackages: Reasons = {
  "busybox-static": "one file that is a whole userland",
  "libc-bin": "ldconfig",
};

/** For the image with which tests and the README prepare a machine, as people make them. */
export const preparePackages: Reasons = {
  bash: "runs the script",
  coreutils: "files and texts",
  e2fsprogs: "mkfs.ext4",
  kmod: "modules of the kernel",
  "libc-bin": "ldconfig",
  mount: "file systems",
  parted: "partitions",
};

/** What the image of the admin container is made of, beside our own programs. */
export const adminPackages: Reasons = {
  "openssh-server": "the way in",
  "openssh-client": "ssh-keygen makes the host's keys",
  execline: "starts sshd after it is set up, without a process that stays",
  sudo: "lets the user become root",
  "libpam-modules": "sudo asks it whether an account is good",
  "bash-static": "the shell that sheltie takes into the host",
  "busybox-static": "what a person types there",
  "ca-certificates": "whom curl trusts",
  "ncurses-base": "what terminals can do",
  bash: "the login shell",
  coreutils: "files and texts",
  curl: "requests to services",
  diffutils: "comparing files",
  e2fsprogs: "mkfs.ext4 and its kin",
  ethtool: "network cards",
  fdisk: "partitions",
  findutils: "find and xargs",
  gawk: "texts",
  gdisk: "partitions",
  grep: "texts",
  gzip: "archives",
  iproute2: "addresses, routes, sockets",
  iptables: "rules of the firewall",
  "iputils-ping": "whether somebody is there",
  jq: "answers of the API",
  kmod: "modules of the kernel",
  less: "long texts",
  "libc-bin": "ldconfig, getent",
  lsof: "open files",
  mount: "file systems",
  nftables: "rules of the firewall",
  "openssh-sftp-server": "copies of files",
  parted: "partitions",
  pciutils: "devices",
  procps: "ps, top, sysctl",
  psmisc: "trees of processes",
  sed: "texts",
  strace: "system calls",
  tar: "archives",
  tcpdump: "packets",
  "util-linux": "nsenter, dmesg, lsblk",
  "vim-tiny": "an editor",
  "xz-utils": "archives",
  zstd: "archives",
};

/** The same for the control container. */
export const controlPackages: Reasons = {
  tini: "process 1: reaps what commands leave behind",
  "ca-certificates": "whom curl trusts",
  "ncurses-base": "what terminals can do",
  bash: "the shell of who comes in through `apiclient exec`",
  coreutils: "files and texts",
  curl: "requests to services",
  findutils: "find and xargs",
  grep: "texts",
  jq: "answers of the API",
  less: "long texts",
  "libc-bin": "ldconfig, getent",
  procps: "ps, top",
  sed: "texts",
  "vim-tiny": "an editor",
};

/** The same for the operator of a fleet, which is no host container: it runs as a pod, and executes one program. */
export const fleetPackages: Reasons = {
  "ca-certificates": "whom gates of a policy trust",
  libc6: "what our program is linked to",
};

export const containerPackages = {
  admin: adminPackages,
  control: controlPackages,
  fleet: fleetPackages,
  "ecs-updater": fleetPackages,
} as const;

/** What the images of host containers do without although packages depend on it, beside what every root does. */
export const excludedFromContainers: Reasons = {
  dmidecode: "parted asks it for a name to print",
  "lsb-base": "for maintainer scripts",
  "runit-helper": "for maintainer scripts",
  systemd: "openssh-server wants it to make a user; the builder makes users",
  "sysvinit-utils": "for maintainer scripts",
};

export type ContainerImage = keyof typeof containerPackages;

/** Debian's name of an architecture. */
export function debianArchitecture(architecture: Architecture): "amd64" | "arm64" {
  switch (architecture) {
    case "x86_64":
      return "amd64";
    case "aarch64":
      return "arm64";
  }
}
