import type { ReactNode, Ref } from 'react';
import { Button as AriaButton, type ButtonProps } from 'react-aria-components';

import { classes } from '@/kit/classes';

import styles from './button.module.css';
import { Icon, type IconName } from './icon';

interface Props extends Omit<ButtonProps, 'className' | 'children' | 'style'> {
  readonly ref?: Ref<HTMLButtonElement>;
  readonly look?: 'primary' | 'normal' | 'plain';
  readonly children: ReactNode;
}

export function Button({ look = 'normal', children, ...rest }: Props) {
  return (
    <AriaButton {...rest} className={classes(styles.button, look !== 'normal' && styles[look])}>
      {children}
    </AriaButton>
  );
}

interface IconProps extends Omit<ButtonProps, 'className' | 'children' | 'style' | 'aria-label'> {
  readonly icon: IconName;
  readonly label: string;
  readonly small?: boolean;
}

/** A button with an icon; its label is the accessible name and the tooltip. */
export function IconButton({ icon, label, small = false, ...rest }: IconProps) {
  return (
    <AriaButton
      {...rest}
      aria-label={label}
      className={classes(styles.icon, small && styles.small)}
      render={(props) => <button {...props} title={label} />}
    >
      <Icon name={icon} size={small ? 16 : 19} />
    </AriaButton>
  );
}
