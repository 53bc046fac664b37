import { createContext, use } from 'react';

import type { Device, Workspace } from './client';

export const DeviceContext = createContext<Device | undefined>(undefined);
export const WorkspaceContext = createContext<Workspace | undefined>(undefined);

export function useDevice(): Device {
  const device = use(DeviceContext);
  if (device === undefined) throw new Error('Rendered outside of DeviceContext.');
  return device;
}

export function useWorkspace(): Workspace {
  const workspace = use(WorkspaceContext);
  if (workspace === undefined) throw new Error('Rendered while nobody is signed in.');
  return workspace;
}
