"""Device keys: they distinguish devices of earlier sign-ins from unknown ones (GW-13).

A device key is a sealed value without a state of its own: it proves only that a person signed in
with the device before, and gives the device its own count of failed attempts.
"""

import base64
import binascii

from directory.accounts.domain.sign_in_attempts import Origin, device_source, network_source
from directory.accounts.store import SealBroken, SecretBox
from directory.people.domain.people import Person

_CONTENT = b"device"
_MAX_KEY = 256


def new_device_key(sealing: SecretBox, person: Person) -> str:
    """Make the key of a device that a person has just signed in on."""
    sealed = sealing.seal(_CONTENT, owner=_owner(person))
    return _text(sealed)


def knows_device(sealing: SecretBox, person: Person | None, device_key: str) -> bool:
    """Return whether a key was made by an earlier sign-in of the person; in constant time."""
    if not device_key or len(device_key) > _MAX_KEY:
        return False
    try:
        padded = device_key + "=" * (-len(device_key) % 4)
        sealed = base64.b64decode(padded, altchars=b"-_", validate=True)
        opened = sealing.open(sealed, owner=_owner(person))
    except (binascii.Error, ValueError, SealBroken):
        return False
    # Failures are counted by the text of a key: another spelling of it would begin a new count.
    return opened == _CONTENT and _text(sealed) == device_key


def device_key(sealing: SecretBox, person: Person, origin: Origin) -> str:
    """Return the key that the device keeps from now on: the one it has, or a new one."""
    if knows_device(sealing, person, origin.device_key):
        return origin.device_key
    return new_device_key(sealing, person)


def source_of(sealing: SecretBox, person: Person | None, origin: Origin) -> str:
    """Return the key that counts a handle's failed attempts: a known device, or a network."""
    if knows_device(sealing, person, origin.device_key):
        return device_source(origin.device_key)
    return network_source(origin)


def _text(sealed: bytes) -> str:
    """Return the only spelling of a key that is taken."""
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _owner(person: Person | None) -> str:
    return f"device:{person.tenant_id}:{person.id}" if person else "device:unknown"
