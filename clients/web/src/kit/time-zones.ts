/** Return the zones known to this browser, each with its offset from UTC. */
export function timeZones(current: string): { value: string; label: string }[] {
  const names = new Set([...Intl.supportedValuesOf('timeZone'), current, 'UTC']);
  names.delete('');
  return [...names]
    .map((value) => ({ value, label: `${value.replaceAll('_', ' ')} (${offset(value)})` }))
    .sort((one, other) => one.value.localeCompare(other.value, 'en'));
}

/** Return the time of day in a zone. */
export function timeIn(zone: string, at: number, locale: string): string {
  const options = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  return new Intl.DateTimeFormat(locale, {
    ...options,
    ...(zone === '' ? {} : { timeZone: zone }),
  }).format(at);
}

function offset(zone: string): string {
  const parts = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    timeZoneName: 'shortOffset',
  }).formatToParts(Date.now());
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  return name === 'GMT' ? 'UTC' : name.replace('GMT', 'UTC');
}
