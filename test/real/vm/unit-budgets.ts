/**
 * What share of a boot's processor time each unit may take, in percent: as measured on emulated machines, which differ in speed
 * and not in shares. What takes less than the smallest budget has that.
 */
export const smallestBudget = 1;

/** PID 1 is "init.scope". A unit that takes more than the smallest budget has a line. */
export const budgets: Readonly<Record<string, number>> = {
  "init.scope": 22,
  "hostd.service": 19,
  "systemd-udevd.service": 19,
  "containerd.service": 7,
  "systemd-journald.service": 6,
  "console-shell@hvc0.service": 5,
  "systemd-networkd.service": 4,
  "systemd-resolved.service": 3,
  "chrony.service": 3,
  "systemd-logind.service": 2,
  "make-data-partition.service": 2,
  "lockdown.service": 2,
  "systemd-udev-trigger.service": 2,
  "systemd-modules-load.service": 2,
  "dbus-broker.service": 2,
};

/** Seconds of processor time by unit: `systemctl show --property=Id,CPUUsageNSec`. */
export function processorSeconds(shown: string): Map<string, number> {
  return new Map(
    shown.split(/\n\n+/).flatMap((block) => {
      const [id, nanoseconds] = [/^Id=(.+)$/m.exec(block)?.[1], /^CPUUsageNSec=(\d+)$/m.exec(block)?.[1]];
      // What has not run has no number, or the greatest that there is.
      const seconds = Number(nanoseconds) / 1e9;
      return id === undefined || !(seconds > 0 && seconds < 1e6) ? [] : [[id, seconds] as const];
    }),
  );
}

/** A line for each unit that took more than three times its budget. */
export function overBudget(used: ReadonlyMap<string, number>): string[] {
  const all = [...used.values()].reduce((sum, seconds) => sum + seconds, 0);
  return [...used].flatMap(([unit, seconds]) => {
    const [share, budget] = [(100 * seconds) / all, budgets[unit] ?? smallestBudget];
    if (share <= 3 * budget) return [];
    return [`${unit} took ${share.toFixed(1)} % of the boot's processor time, and its budget is ${budget} %`];
  });
}
