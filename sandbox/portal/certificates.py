"""A certification authority of the sandbox's own, and server certificates: a good one, and every kind of bad one."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.portal.keepsakes import PUBLIC, keep

KINDS = (
    "good",
    "expired",
    "not-yet-valid",
    "wrong-host",
    "no-host",
    "self-signed",
    "other-ca",
    "wrong-usage",
    "rsa1024",
)
VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
DAY = dt.timedelta(days=1)


def ca_file(data: Path) -> Path:
    """The CA's certificate, made on first use; its key stays beside it and signs nothing but this sandbox's."""
    file = data / "ca.pem"
    if not file.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = _name("Meter agent sandbox CA")
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 3650 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(ca=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        keep(data / "ca-key.pem", _pem(key))
        keep(
            file, certificate.public_bytes(serialization.Encoding.PEM), PUBLIC
        )  # last: it says that the CA is complete
    return file


def server_context(data: Path, kind: str, only_version: str | None) -> ssl.SSLContext:
    """The server's TLS context with a certificate of this kind; `only_version` is one of `VERSIONS`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # A server that shows faults must be able to serve them: weak keys and old versions need OpenSSL's level 0.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if only_version:
        context.minimum_version = context.maximum_version = VERSIONS[only_version]
    file = data / f"server-{kind}.pem"
    if kind != "good" or not file.exists():  # a bad one is bad by today's date
        keep(file, _server_pem(data, kind))
    context.load_cert_chain(file)
    return context


def _server_pem(data: Path, kind: str) -> bytes:
    ca = x509.load_pem_x509_certificate(ca_file(data).read_bytes())
    ca_key = serialization.load_pem_private_key((data / "ca-key.pem").read_bytes(), None)
    if not isinstance(ca_key, rsa.RSAPrivateKey):
        raise TypeError("the CA's key is no RSA key")
    size = 1024 if kind == "rsa1024" else 2048
    key = rsa.generate_private_key(public_exponent=65537, key_size=size)
    start, end = _validity(kind)
    issuer, signer = _issuer(kind, ca, ca_key, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name("localhost"))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([_purpose(kind)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if kind != "no-host":  # its name stands in the subject alone, which nobody may look at any more (RFC 9525)
        builder = builder.add_extension(x509.SubjectAlternativeName(_names(kind)), critical=False)
    certificate = builder.sign(signer, hashes.SHA256())
    return _pem(key) + certificate.public_bytes(serialization.Encoding.PEM)


def _issuer(
    kind: str, ca: x509.Certificate, ca_key: rsa.RSAPrivateKey, own: rsa.RSAPrivateKey
) -> tuple[x509.Name, rsa.RSAPrivateKey]:
    if kind == "self-signed":
        return _name("localhost"), own
    if kind == "other-ca":
        return _name("Somebody else's CA"), rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ca.subject, ca_key


def _purpose(kind: str) -> x509.ObjectIdentifier:
    return ExtendedKeyUsageOID.CLIENT_AUTH if kind == "wrong-usage" else ExtendedKeyUsageOID.SERVER_AUTH


def _validity(kind: str) -> tuple[dt.datetime, dt.datetime]:
    now = dt.datetime.now(dt.UTC)
    if kind == "expired":
        return now - 60 * DAY, now - 30 * DAY
    if kind == "not-yet-valid":
        return now + 30 * DAY, now + 60 * DAY
    return now - DAY, now + 800 * DAY


def _names(kind: str) -> list[x509.GeneralName]:
    if kind == "wrong-host":
        return [x509.DNSName("other.example")]
    addresses = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))
    return [x509.DNSName("localhost"), *(x509.IPAddress(address) for address in addresses)]


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
