import { testType } from "../../test/cases/type-cases.ts";
import { bootParameter, bootValue, moduleName, sysctlKey } from "./kernel-names.ts";

testType("sysctlKey", sysctlKey, {
  accepts: ["net.ipv4.ip_forward", "net/ipv4/conf/eth0.1/forwarding", "vm.max_map_count", "x".repeat(128)],
  refuses: ["", ".a", "/a", "a..b", "a b", "a\n", "x".repeat(129), "é", "a$b"],
});
testType("moduleName", moduleName, {
  accepts: ["sctp", "ip_vs_lc", "snd-hda-intel", "x".repeat(56)],
  refuses: ["", "x".repeat(57), "a.ko", "a b", "../a"],
});
testType("bootParameter", bootParameter, {
  accepts: ["console", "usbcore.quirks", "systemd.log_level", "a-b"],
  refuses: ["", ".a", "a.", "a..b", "a b", "a=b", 'a"'],
});
testType("bootValue", bootValue, {
  accepts: ["", "tty0", "ttyS1,115200n8", "it's", '"file ec.c +p"', "2G-:256M"],
  refuses: ['say "x"', '"x', `both ' and "`, `both " and '`, "é", "a\nb", "\t", "x".repeat(1025), 1],
});
