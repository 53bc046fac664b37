import { useRouter } from '@tanstack/react-router';
import { Fragment, useMemo } from 'react';

import { linksIn } from '@/kit/links';

import styles from './detail.module.css';

/** Plain text with its web addresses as links; those of this client open in it. */
export function LinkedText({ text }: { readonly text: string }) {
  const { history } = useRouter();
  const parts = useMemo(() => linksIn(text), [text]);
  return (
    <div className={styles.text} dir="auto">
      {parts.map((part, index) => {
        if (part.address === undefined) return <Fragment key={index}>{part.text}</Fragment>;
        const { origin, pathname, search } = new URL(part.address);
        const isHere = origin === location.origin;
        return (
          <a
            key={index}
            href={part.address}
            {...(isHere ? {} : { target: '_blank', rel: 'noopener noreferrer' })}
            onClick={(event) => {
              if (!isHere || event.ctrlKey || event.metaKey || event.shiftKey) return;
              event.preventDefault();
              history.push(`${pathname}${search}`);
            }}
          >
            {part.text}
          </a>
        );
      })}
    </div>
  );
}
