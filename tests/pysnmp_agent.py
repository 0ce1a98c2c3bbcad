"""pysnmp's engine as a printer in a process of its own: the peer for what net-snmp does not have.

Run as `python -m tests.pysnmp_agent PORT AUTHENTICATION_SECRET PRIVACY_SECRET`; its users are named after their hash
and prove themselves by it, and all hide what they say by triple DES.
"""

from __future__ import annotations

import sys

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import cmdrsp, context

AUTHENTICATIONS = {
    "md5": config.USM_AUTH_HMAC96_MD5,
    "sha1": config.USM_AUTH_HMAC96_SHA,
    "sha224": config.USM_AUTH_HMAC128_SHA224,
    "sha256": config.USM_AUTH_HMAC192_SHA256,
    "sha384": config.USM_AUTH_HMAC256_SHA384,
    "sha512": config.USM_AUTH_HMAC384_SHA512,
}


def main(port: int, authentication_secret: str, privacy_secret: str) -> None:
    """Answers until it is ended."""
    printer = engine.SnmpEngine()
    config.add_transport(printer, udp.DOMAIN_NAME, udp.UdpTransport().open_server_mode(("127.0.0.1", port)))
    for name, protocol in AUTHENTICATIONS.items():
        triple_des = config.USM_PRIV_CBC168_3DES
        config.add_v3_user(printer, name, protocol, authentication_secret, triple_des, privacy_secret)
        config.add_vacm_user(printer, 3, name, "authPriv", (1, 3, 6))
    all_of_it = context.SnmpContext(printer)
    for responder in (cmdrsp.GetCommandResponder, cmdrsp.NextCommandResponder, cmdrsp.BulkCommandResponder):
        responder(printer, all_of_it)
    printer.transport_dispatcher.job_started(1)
    printer.open_dispatcher()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
