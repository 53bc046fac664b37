/** Queue that runs at most `width` tasks at once, and each key at most once at a time. */
export class Queue {
  readonly #width: number;
  readonly #waiting = new Map<string, () => Promise<void>>();
  readonly #running = new Set<string>();

  constructor(width: number) {
    this.#width = width;
  }

  /** Run a task. If one with the same key is running, run it once more afterwards. */
  add(key: string, task: () => Promise<void>): void {
    this.#waiting.set(key, task);
    this.#next();
  }

  get idle(): boolean {
    return this.#running.size === 0 && this.#waiting.size === 0;
  }

  #next(): void {
    for (const [key, task] of this.#waiting) {
      if (this.#running.size >= this.#width) return;
      if (this.#running.has(key)) continue;
      this.#waiting.delete(key);
      this.#running.add(key);
      void task().finally(() => {
        this.#running.delete(key);
        this.#next();
      });
    }
  }
}
