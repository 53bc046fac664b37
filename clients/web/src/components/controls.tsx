import { useId, type ReactNode } from 'react';

import { classes } from '@/kit/classes';

import styles from './controls.module.css';

interface ToggleProps {
  readonly label: string;
  readonly note?: string;
  readonly isOn: boolean;
  readonly isDisabled?: boolean;
  readonly onChange: (isOn: boolean) => void;
}

/** A switch that takes effect at once. */
export function Toggle({ label, note, isOn, isDisabled = false, onChange }: ToggleProps) {
  const id = useId();
  return (
    <div className={styles.toggle}>
      <div className={styles.words}>
        <label htmlFor={id}>{label}</label>
        {note === undefined ? null : (
          <p id={`${id}-note`} className={styles.note}>
            {note}
          </p>
        )}
      </div>
      <input
        id={id}
        className={styles.switch}
        type="checkbox"
        role="switch"
        checked={isOn}
        disabled={isDisabled}
        aria-describedby={note === undefined ? undefined : `${id}-note`}
        onChange={(event) => onChange(event.target.checked)}
      />
    </div>
  );
}

interface CheckProps {
  readonly label: ReactNode;
  /** Accessible name if the label is not visible. */
  readonly name?: string;
  readonly isOn: boolean;
  readonly isDisabled?: boolean;
  readonly onChange: (isOn: boolean) => void;
}

/** A checkbox. */
export function Check({ label, name, isOn, isDisabled = false, onChange }: CheckProps) {
  return (
    <label className={styles.check}>
      <input
        type="checkbox"
        checked={isOn}
        disabled={isDisabled}
        aria-label={name}
        onChange={(event) => onChange(event.target.checked)}
      />
      {label}
    </label>
  );
}

interface ChoicesProps<Value extends string> {
  readonly label: string;
  /** Shows the label above the choices; otherwise only screen readers read it. */
  readonly isLabelShown?: boolean;
  readonly options: readonly { readonly value: Value; readonly label: string }[];
  readonly value: Value;
  readonly onChange: (value: Value) => void;
}

/** A few exclusive choices, side by side. */
export function Choices<Value extends string>({
  label,
  isLabelShown = false,
  options,
  value,
  onChange,
}: ChoicesProps<Value>) {
  const name = useId();
  return (
    <fieldset className={styles.choices}>
      <legend className={isLabelShown ? styles.legend : 'visually-hidden'}>{label}</legend>
      {options.map((option) => (
        <label
          key={option.value}
          className={classes(styles.choice, option.value === value && styles.chosen)}
        >
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          {option.label}
        </label>
      ))}
    </fieldset>
  );
}

interface ClockProps {
  readonly label: string;
  /** `HH:MM` */
  readonly value: string;
  readonly isDisabled?: boolean;
  readonly onChange: (value: string) => void;
}

/** An input for a time of day. */
export function Clock({ label, value, isDisabled = false, onChange }: ClockProps) {
  return (
    <label className={styles.clock}>
      <span>{label}</span>
      <input
        type="time"
        required
        value={value}
        disabled={isDisabled}
        onChange={(event) => {
          if (event.target.value !== '') onChange(event.target.value);
        }}
      />
    </label>
  );
}
