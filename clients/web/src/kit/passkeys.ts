/** The user closed the browser's window, or it found no passkey. */
export class PasskeyCancelled extends Error {}

interface Described {
  readonly id: string;
  readonly type: 'public-key';
  readonly transports?: AuthenticatorTransport[];
}

interface CreationOptions extends Omit<
  PublicKeyCredentialCreationOptions,
  'challenge' | 'user' | 'excludeCredentials'
> {
  readonly challenge: string;
  readonly user: { readonly id: string; readonly name: string; readonly displayName: string };
  readonly excludeCredentials?: readonly Described[];
}

interface RequestOptions extends Omit<
  PublicKeyCredentialRequestOptions,
  'challenge' | 'allowCredentials'
> {
  readonly challenge: string;
  readonly allowCredentials?: readonly Described[];
}

/** Return whether this browser can create and use passkeys here. */
export function hasPasskeys(): boolean {
  return 'PublicKeyCredential' in globalThis;
}

/**
 * Let the browser create a passkey; return its RegistrationResponseJSON.
 *
 * Browsers of the baseline convert this JSON only in newer versions, so it is done here.
 */
export async function createPasskey(optionsJson: string): Promise<string> {
  const options = JSON.parse(optionsJson) as CreationOptions;
  const credential = await asked(() =>
    navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytesOf(options.challenge),
        user: { ...options.user, id: bytesOf(options.user.id) },
        excludeCredentials: (options.excludeCredentials ?? []).map(described),
      },
    }),
  );
  const response = credential.response as AuthenticatorAttestationResponse;
  return jsonOf(credential, {
    clientDataJSON: textOf(response.clientDataJSON),
    attestationObject: textOf(response.attestationObject),
    transports: response.getTransports(),
  });
}

/** Let the browser sign with a passkey; return its AuthenticationResponseJSON. */
export async function signWithPasskey(optionsJson: string): Promise<string> {
  const options = JSON.parse(optionsJson) as RequestOptions;
  const credential = await asked(() =>
    navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: bytesOf(options.challenge),
        allowCredentials: (options.allowCredentials ?? []).map(described),
      },
    }),
  );
  const response = credential.response as AuthenticatorAssertionResponse;
  return jsonOf(credential, {
    clientDataJSON: textOf(response.clientDataJSON),
    authenticatorData: textOf(response.authenticatorData),
    signature: textOf(response.signature),
    ...(response.userHandle === null ? {} : { userHandle: textOf(response.userHandle) }),
  });
}

async function asked(call: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  let credential: Credential | null;
  try {
    credential = await call();
  } catch (error) {
    // NotAllowedError: closed or timed out; InvalidStateError: the device has one already.
    if (error instanceof DOMException) throw new PasskeyCancelled(error.name);
    throw error;
  }
  if (credential === null) throw new PasskeyCancelled();
  return credential as PublicKeyCredential;
}

function described({ id, type, transports }: Described): PublicKeyCredentialDescriptor {
  return { id: bytesOf(id), type, ...(transports === undefined ? {} : { transports }) };
}

function jsonOf(credential: PublicKeyCredential, response: object): string {
  return JSON.stringify({
    id: credential.id,
    rawId: textOf(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
    authenticatorAttachment: credential.authenticatorAttachment,
  });
}

/** Decode base64url. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Encode as base64url without padding. */
export function textOf(buffer: ArrayBuffer): string {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/u, '');
}
