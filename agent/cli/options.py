"""Options that several commands share; and the language of their help, which is chosen before any of it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.language import _, choose

choose()

Config = Annotated[Path | None, typer.Option("--config", help=_("The config file; else the usual place."))]
User = Annotated[str | None, typer.Option(help=_("An SNMPv3 user instead of the config; its passwords are asked for."))]
Authentication = Annotated[str | None, typer.Option(help="md5, sha1, sha224, sha256, sha384, sha512")]
Privacy = Annotated[str | None, typer.Option(help="des, 3des, aes128, aes192, aes256, aes192c, aes256c")]
Context = Annotated[str, typer.Option(help=_("The SNMPv3 context; most printers have only the empty one."))]
Json = Annotated[bool, typer.Option("--json", help=_("One JSON object per line instead of a table."))]
