"""How secrets are encrypted at rest: one key per purpose, derived from SECRET_KEY (HKDF, RFC 5869)."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def cipher(secret_key: str, purpose: bytes) -> Fernet:
    """purpose: keeps what is sealed for one from being opened for another."""
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(key))
