import { createClient, type Client, type Transport } from '@connectrpc/connect';

import { DirectoryService } from '@/gen/plexus/directory/v1/directory_service_pb';
import { MessagingService } from '@/gen/plexus/messaging/v1/messaging_service_pb';
import { PersonalService } from '@/gen/plexus/messaging/v1/personal_service_pb';

/** Clients of the services used by the first load; others are created on demand. */
export interface Clients {
  readonly directory: Client<typeof DirectoryService>;
  readonly messaging: Client<typeof MessagingService>;
  readonly personal: Client<typeof PersonalService>;
}

export function createClients(transport: Transport): Clients {
  return {
    directory: createClient(DirectoryService, transport),
    messaging: createClient(MessagingService, transport),
    personal: createClient(PersonalService, transport),
  };
}
