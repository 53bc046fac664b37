import { TaskPriority } from '@/gen/plexus/tasks/v1/tasks_pb';

export const PRIORITIES = [
  TaskPriority.URGENT,
  TaskPriority.HIGH,
  TaskPriority.NORMAL,
  TaskPriority.LOW,
] as const;
