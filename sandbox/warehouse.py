"""The warehouse of the sandbox: takes an order in hand and delivers it.

python -m sandbox.warehouse --url https://127.0.0.1:8443/v1 --ca-file ca.pem --admin-token-file token ORDER_NUMBER...
"""

from __future__ import annotations

import argparse
import json
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

STEPS = ({"status": "in_process"}, {"status": "delivered", "tracking": "SANDBOX-0001"})


def move(url: str, context: ssl.SSLContext, token: str, order: str, change: dict[str, str]) -> dict[str, str]:
    """One step of an order. Raises `urllib.error.HTTPError` when the portal refuses it."""
    root = urlsplit(url)
    request = urllib.request.Request(
        f"https://{root.netloc}/admin/orders/{quote(order)}/status",
        json.dumps(change).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
        told: dict[str, str] = json.load(answer)
        return told


def main() -> int:
    """0 when every order is delivered; one that is over already is left as it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca-file", required=True)
    parser.add_argument("--admin-token-file", required=True, type=Path)
    parser.add_argument("orders", nargs="+")
    options = parser.parse_args()
    if not options.url.startswith("https://"):
        parser.error("--url begins with https://")
    context = ssl.create_default_context(cafile=options.ca_file)
    token = options.admin_token_file.read_text("utf-8").strip()
    for order in options.orders:
        for change in STEPS:
            try:
                told = move(options.url, context, token, order, change)
            except urllib.error.HTTPError as error:
                sys.stderr.write(f"{order}: {change['status']}: {error.read(2000).decode(errors='replace')}\n")
                return 1
            sys.stdout.write(json.dumps({"order_number": order, "status": told.get("status")}) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
