import { FieldError, Input, Label, TextField, type TextFieldProps } from 'react-aria-components';
import { classes } from '@/kit/classes';

import styles from './field.module.css';

interface Props extends Omit<TextFieldProps, 'className' | 'style' | 'children'> {
  readonly label: string;
  readonly missing: string;
  readonly inputMode?: 'text' | 'numeric';
  readonly autoCapitalize?: 'none';
}

/** A text input with its label and, if it is required and empty, an error. */
export function Field({ label, missing, inputMode, autoCapitalize, ...rest }: Props) {
  return (
    <TextField {...rest} className={classes(styles.field)}>
      <Label className={classes(styles.label)}>{label}</Label>
      <Input
        className={classes(styles.input)}
        inputMode={inputMode}
        autoCapitalize={autoCapitalize}
      />
      <FieldError className={classes(styles.error)}>{missing}</FieldError>
    </TextField>
  );
}
