"""Constants under the names that programs import."""

import ssl

__all__ = [
    "PROTOCOLS",
    "MAX_LONG",
    "MIN_LONG",
    "MAX_INT",
    "MIN_INT",
    "PROTOCOL_BYTE_ORDER",
    "PROTOCOL_STRING_ENCODING",
    "PROTOCOL_CHAR_ENCODING",
    "SSL_DEFAULT_VERSION",
    "SSL_DEFAULT_CIPHERS",
    "FNV1_OFFSET_BASIS",
    "FNV1_PRIME",
    "IGNITE_DEFAULT_HOST",
    "IGNITE_DEFAULT_PORT",
    "RHF_ERROR",
    "RHF_TOPOLOGY_CHANGED",
    "AFFINITY_DELAY",
    "AFFINITY_RETRIES",
    "RECONNECT_BACKOFF_SEQUENCE",
]

#: Protocol versions that this client speaks.
PROTOCOLS = {(1, 7, 0), (1, 6, 0), (1, 5, 0), (1, 4, 0), (1, 3, 0), (1, 2, 0)}

PROTOCOL_VERSION_MAJOR = 1
PROTOCOL_VERSION_MINOR = 7
PROTOCOL_VERSION_PATCH = 1

MAX_LONG = 9223372036854775807
MIN_LONG = -9223372036854775808
MAX_INT = 2147483647
MIN_INT = -2147483648

PROTOCOL_BYTE_ORDER = "little"
PROTOCOL_STRING_ENCODING = "utf-8"
PROTOCOL_CHAR_ENCODING = "utf-16le"

SSL_DEFAULT_VERSION = ssl.PROTOCOL_TLSv1_2
#: What Python's own module `ssl` takes; the list of OpenSSL itself where it does not say.
SSL_DEFAULT_CIPHERS: str = getattr(ssl, "_DEFAULT_CIPHERS", "DEFAULT")

FNV1_OFFSET_BASIS = 0x811C9DC5
FNV1_PRIME = 0x01000193

IGNITE_DEFAULT_HOST = "localhost"
IGNITE_DEFAULT_PORT = 10800

# Flags in the header of a response.
RHF_ERROR = 1
RHF_TOPOLOGY_CHANGED = 2

# How pyignite repeats its own requests. Here they can be read, and nothing depends on them.
AFFINITY_DELAY = 0.01
AFFINITY_RETRIES = 32
RECONNECT_BACKOFF_SEQUENCE = [0, 1, 1, 2, 3, 5, 8, 13]
