"""TLS to the portal: who is trusted, and what it means when somebody is not. Nothing here switches checking off."""

from __future__ import annotations

import base64
import hashlib
import re
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import truststore

from agent.errors import ConfigError, PortalError, PortalUnreachable, PortalUntrusted
from agent.texts import Message, message
from agent.upload.route import Trust

if TYPE_CHECKING:
    import httpx

UNPINNED = "the certificate's key is none of the pinned ones"
NAMELESS = "the certificate has no name outside its subject"


def tls_context(trust: Trust) -> ssl.SSLContext:
    """TLS 1.2 or newer, host names checked, keys of RSA 2048 bits or the like; the system's trust, or the CA file.

    A name counts only as a subjectAltName; the subject's common name is never looked at (RFC 9525 section 6.3).
    Raises `ConfigError` for an unusable CA file.
    """
    if trust.ca_file is None:
        context: ssl.SSLContext = _SystemContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        context = _FileContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cafile=trust.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                message("The CA file {file} cannot be used: {why}.", file=str(trust.ca_file), why=str(error)),
                message("Enter the right file at ca_file in the section [portal], or remove that line."),
            ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    # OpenSSL's security level 2: at least 112 bits, which is RSA 2048; shorter certificate keys fail the handshake.
    context.set_ciphers("DEFAULT:@SECLEVEL=2")
    if isinstance(context, _Guarding):
        context.pins = trust.pins
    return context


class _Guarding:
    """A context that lets a handshake end only with a certificate that has a name and, with pins, one of these keys:
    nothing is sent before."""

    pins: frozenset[str] = frozenset()

    def guarded(self, connection: ssl.SSLObject) -> ssl.SSLObject:
        """The connection, which checks name and pins as the last part of its handshake."""
        # On the object: both kinds of context make objects of a class of their own.
        vars(connection)["do_handshake"] = _checked(connection.do_handshake, connection, self.pins)
        return connection


class _SystemContext(truststore.SSLContext, _Guarding):
    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:  # noqa: ANN401  the standard library's signature
        return self.guarded(super().wrap_bio(*args, **options))


class _FileContext(ssl.SSLContext, _Guarding):
    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:  # noqa: ANN401  as above
        return self.guarded(super().wrap_bio(*args, **options))


def _checked(handshake: Callable[[], None], connection: ssl.SSLObject, pins: frozenset[str]) -> Callable[[], None]:
    def checked() -> None:
        handshake()
        certificate = connection.getpeercert(binary_form=True) or b""
        if not has_name(certificate):  # where OpenSSL does not compare names, Windows still takes the subject's
            raise ssl.SSLCertVerificationError(NAMELESS)
        if pins and pin_of(certificate) not in pins:
            raise ssl.SSLCertVerificationError(UNPINNED)

    return checked


def pin_of(certificate: bytes) -> str | None:
    """The pin of a DER certificate's key; `None` when it is no certificate."""
    # Loaded with the first certificate, as below: it takes a while, and a service is ready before it meets one.
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except ValueError:
        return None
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key.public_bytes(*form)).digest()).decode()


def has_name(certificate: bytes) -> bool:
    """Whether a DER certificate names a host or an address as subjectAltName (RFC 5280 section 4.2.1.6)."""
    from cryptography import x509

    try:
        extensions = x509.load_der_x509_certificate(certificate).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    return any(isinstance(name, x509.DNSName | x509.IPAddress) for name in names)


# What OpenSSL and the system's verifier say -> what it means for a person.
TLS_CAUSES: tuple[tuple[str, Message, Message], ...] = (
    (
        UNPINNED,
        message("The portal's certificate has another key than those that are pinned in the config."),
        message("Nothing was sent. Ask your portal's support for its keys, and correct pins in the section [portal]."),
    ),
    (
        r"certificate has expired|not yet valid|CERT_E_EXPIRED",
        message("The portal's certificate is not valid at this time."),
        message("Check this computer's date and time; if they are right, tell your portal's support."),
    ),
    (
        NAMELESS + r"|Hostname mismatch|IP address mismatch|doesn't match|CN_NO_MATCH",
        message("The portal's certificate is for another name than the address in the config."),
        message(
            "Check url in the section [portal]. If it is right, tell your portal's support that the certificate needs"
            " this name as subjectAltName; the subject alone does not count."
        ),
    ),
    (
        r"key too (weak|small)|EE_KEY_TOO_SMALL|too weak|CA_MD_TOO_WEAK",
        message("The portal's certificate has a key that is too short (less than 2048 bits)."),
        message("Tell your portal's support; no data leaves until the certificate is replaced."),
    ),
    (
        r"UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|no protocols available|alert protocol version",
        message("The portal speaks only an outdated version of TLS (older than 1.2)."),
        message("Tell your portal's support; a proxy in between may also be the cause."),
    ),
    (
        r"WRONG_VERSION_NUMBER|record layer failure|http request",
        message("At the portal's address something answers that does not speak TLS."),
        message("Check url and port in the section [portal], and the proxy."),
    ),
    (
        r"self.signed|unable to get (local )?issuer|UNTRUSTEDROOT|unknown ca",
        message("The portal's certificate comes from an issuer that this computer does not trust."),
        message("If your portal has a CA of its own, enter its file at ca_file in the section [portal]."),
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSL|TLS",
        message("No safe connection to the portal could be made."),
        message("Check the address, the computer's time, and a proxy that opens encrypted connections."),
    ),
)


def connect_error(error: httpx.ConnectError) -> PortalError | None:
    """What it means that no connection was made; `None` when it was hung up in the middle of the handshake."""
    text = str(error)
    inner: BaseException | None = error
    seen = 0
    while inner is not None and seen < 8:
        text += f" {inner}"
        inner, seen = inner.__cause__ or inner.__context__, seen + 1
    if "UNEXPECTED_EOF" in text:  # a portal that restarts does that
        return None
    if "[SSL" in text or "CERTIFICATE" in text or "certificate" in text or UNPINNED in text:
        for pattern, what, remedy in TLS_CAUSES:
            if re.search(pattern, text, re.IGNORECASE):
                return PortalUntrusted(what, remedy)
    return PortalUnreachable(
        message("The portal cannot be reached: {why}.", why=str(error) or type(error).__name__),
        message("Check url in the section [portal], the internet connection, the firewall and the proxy."),
    )
