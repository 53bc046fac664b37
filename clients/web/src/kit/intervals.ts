/** Both ends belong to it. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** A set of whole numbers as sorted intervals that neither overlap nor touch. */
export class Intervals {
  #parts: readonly Interval[] = [];

  get parts(): readonly Interval[] {
    return this.#parts;
  }

  add(from: number, to: number): void {
    if (to < from) return;
    const apart = this.#parts.filter((part) => part.to < from - 1 || part.from > to + 1);
    const joined = this.#parts.filter((part) => !(part.to < from - 1 || part.from > to + 1));
    const whole = {
      from: Math.min(from, ...joined.map((part) => part.from)),
      to: Math.max(to, ...joined.map((part) => part.to)),
    };
    this.#parts = [...apart, whole].sort((one, other) => one.from - other.from);
  }

  /** Return the interval that contains a number. */
  around(number: number): Interval | undefined {
    return this.#parts.find((part) => part.from <= number && number <= part.to);
  }

  covers(from: number, to: number): boolean {
    if (to < from) return true;
    const part = this.around(from);
    return part !== undefined && part.to >= to;
  }

  clear(): void {
    this.#parts = [];
  }
}
