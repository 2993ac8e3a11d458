/** How much of something each owner has: requests at work, bytes of answers that wait for their client. */

/** Whose connections, requests and answers are counted together; undefined for the host itself, which has no share. */
export type Owner = string | undefined;

export class OwnerTally {
  /** Owners that have nothing are not in it. */
  readonly #amounts = new Map<Owner, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  of(owner: Owner): number {
    return this.#amounts.get(owner) ?? 0;
  }

  /** @param amount negative for what the owner gives back */
  add(owner: Owner, amount: number): void {
    this.#total += amount;
    const owned = this.of(owner) + amount;
    if (owned > 0) this.#amounts.set(owner, owned);
    else this.#amounts.delete(owner);
  }
}
