import type { Workspace } from './client';

const made = new WeakMap<Workspace, Map<unknown, object>>();

/**
 * Return the one store of a class for a workspace.
 *
 * Stores of scenes that load on demand are made here when they are first used, so that the first
 * load does not include them.
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
