const COMPOSING = 229;

/** The used part of a keyboard event; `keyCode` is needed for Safari only. */
export interface KeyPress {
  readonly key: string;
  readonly isComposing: boolean;
  readonly keyCode: number;
  readonly shiftKey: boolean;
}

/**
 * Return whether a key press confirms the input: Enter without modifiers, but not the Enter that
 * ends a composition.
 *
 * Safari ends the composition before the key event and marks that event with key code 229.
 */
export function isEnter(event: KeyPress): boolean {
  return (
    event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== COMPOSING
  );
}
