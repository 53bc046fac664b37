import { useId, type ReactNode } from 'react';

import { classes } from '@/kit/classes';

import styles from './inputs.module.css';

interface LabelProps {
  readonly label: string;
  /** Shows the label beside the input, in a less prominent style. */
  readonly inline?: boolean;
  /** Hides the label visually; screen readers read it. */
  readonly isLabelHidden?: boolean;
}

interface SelectProps extends LabelProps {
  readonly value: string;
  readonly options: readonly { readonly value: string; readonly label: string }[];
  readonly onChange: (value: string) => void;
}

/** A choice among a few options, using the native list of the system. */
export function Select({ value, options, onChange, ...label }: SelectProps) {
  const id = useId();
  return (
    <Labelled id={id} {...label}>
      <select
        id={id}
        className={styles.input}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

interface TextProps extends LabelProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly onBlur?: () => void;
  readonly placeholder?: string;
  readonly maxLength?: number;
  readonly error?: string | undefined;
  readonly autoFocus?: boolean;
}

export function TextInput({
  type = 'text',
  ...props
}: TextProps & { readonly type?: 'text' | 'search' | 'date' | 'datetime-local' }) {
  const id = useId();
  const { label, inline, isLabelHidden, value, onChange, error, ...rest } = props;
  return (
    <Labelled id={id} label={label} {...shown(inline, isLabelHidden)} error={error}>
      <input
        {...rest}
        id={id}
        type={type}
        className={styles.input}
        value={value}
        aria-invalid={error === undefined ? undefined : true}
        aria-describedby={error === undefined ? undefined : `${id}-error`}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
      />
    </Labelled>
  );
}

export function TextArea(props: TextProps & { readonly rows?: number }) {
  const id = useId();
  const { label, inline, isLabelHidden, value, onChange, error, ...rest } = props;
  return (
    <Labelled id={id} label={label} {...shown(inline, isLabelHidden)} error={error}>
      <textarea
        {...rest}
        id={id}
        className={styles.input}
        value={value}
        aria-invalid={error === undefined ? undefined : true}
        aria-describedby={error === undefined ? undefined : `${id}-error`}
        onChange={(event) => onChange(event.target.value)}
      />
    </Labelled>
  );
}

function shown(inline: boolean | undefined, isLabelHidden: boolean | undefined) {
  return { inline: inline ?? false, isLabelHidden: isLabelHidden ?? false };
}

function Labelled({
  id,
  label,
  inline = false,
  isLabelHidden = false,
  error,
  children,
}: LabelProps & {
  readonly id: string;
  readonly error?: string | undefined;
  readonly children: ReactNode;
}) {
  return (
    <div className={classes(styles.field, inline && styles.inline)}>
      <label className={isLabelHidden ? 'visually-hidden' : styles.label} htmlFor={id}>
        {label}
      </label>
      {children}
      {error === undefined ? null : (
        <p id={`${id}-error`} className={styles.error} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}
