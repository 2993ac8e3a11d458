/** User data from QEMU: `-fw_cfg name=opt/org.orlop.user-data,file=…`, as the kernel's qemu_fw_cfg module shows it. */
import { userDataFile } from "./local-file.ts";

export const readFwCfg = userDataFile("/sys/firmware/qemu_fw_cfg/by_name/opt/org.orlop.user-data/raw");
