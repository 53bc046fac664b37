import { Suspense, useMemo, type ReactNode, type RefObject } from 'react';
import { ButtonContext, type ButtonProps } from 'react-aria-components';

interface Props {
  readonly opens: 'menu' | 'dialog';
  readonly trigger: RefObject<HTMLButtonElement | null>;
  readonly isOpen: boolean;
  readonly onPress: NonNullable<ButtonProps['onPress']>;
  readonly onKeyDown?: ButtonProps['onKeyDown'];
  readonly button: ReactNode;
  /** The element that it opens, possibly loaded on demand. */
  readonly children: ReactNode;
}

/**
 * A button and the element that it opens. Unlike the triggers of the library it does not import
 * that element, so that popovers and menus are not part of the first load.
 */
export function Opener({ opens, trigger, isOpen, onPress, onKeyDown, button, children }: Props) {
  const context = useMemo(
    () => ({
      ref: trigger,
      'aria-haspopup': opens,
      'aria-expanded': isOpen,
      onPress,
      ...(onKeyDown === undefined ? {} : { onKeyDown }),
    }),
    [trigger, opens, isOpen, onPress, onKeyDown],
  );
  return (
    <>
      <ButtonContext value={context}>{button}</ButtonContext>
      <Suspense>{children}</Suspense>
    </>
  );
}
