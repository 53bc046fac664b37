const COMPOSING = 229;

/** The part of a keyboard event that is looked at; `keyCode` is needed for Safari alone. */
export interface KeyPress {
  readonly key: string;
  readonly isComposing: boolean;
  readonly keyCode: number;
  readonly shiftKey: boolean;
}

/**
 * Return whether a key press means "done": Enter alone, and not the Enter that ends a composition.
 *
 * Safari ends the composition before the key event and marks that event with key code 229.
 */
export function isEnter(event: KeyPress): boolean {
  return (
    event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== COMPOSING
  );
}
