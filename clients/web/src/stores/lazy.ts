import type { Workspace } from './client';

const made = new WeakMap<Workspace, Map<unknown, object>>();

/**
 * Return the single store of a class for a workspace.
 *
 * Stores of scenes that load on demand are created here on first use, so that the first load does
 * not include them.
 */
export function storeOf<T extends object>(
  workspace: Workspace,
  Store: new (workspace: Workspace) => T,
): T {
  const stores = made.get(workspace) ?? new Map<unknown, object>();
  made.set(workspace, stores);
  const known = stores.get(Store) as T | undefined;
  if (known !== undefined) return known;
  const store = new Store(workspace);
  stores.set(Store, store);
  return store;
}
