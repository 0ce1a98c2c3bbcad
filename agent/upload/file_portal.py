"""A portal without an API: its equipment comes from a file, and what is due waits to be captured by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from agent.equipment_list import equipments_of
from agent.errors import EquipmentListUnusable, PortalError, Problem, SheetError
from agent.ports import Account
from agent.printers import Equipment
from agent.spreadsheet import MAX_BYTES
from agent.supplies.orders import BomItem, OrderProgress, PlacedOrder
from agent.texts import message
from agent.upload.envelope import Envelope, Outcome


class FilePortal:
    """The ports `Portal` and `ServiceDesk` over a file. It takes nothing: what would be sent raises `PortalError`."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def clock_offset(self) -> int | None:
        """A file has no clock."""
        return None

    async def account(self) -> Account:
        """Nobody's account: no right to send anything."""
        return Account("", "", frozenset(), datetime.now(UTC))

    async def equipments(self) -> Sequence[Equipment]:
        """The equipment in the file as it is now. Raises `EquipmentListUnusable`."""
        return self.listed()

    def listed(self) -> Sequence[Equipment]:
        """As `equipments`."""
        try:
            with self._file.open("rb") as file:
                octets = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise EquipmentListUnusable(
                message("There is no equipment list {file}.", file=str(self._file)),
                message("Make a first one with: meter-agent equipment template FILE"),
            ) from None
        except OSError as error:
            raise EquipmentListUnusable(
                message(
                    "The equipment list {file} cannot be read: {reason}", file=str(self._file), reason=error.strerror
                ),
                message("Close it in other programs, and check that the user of the service may read it."),
            ) from error
        try:
            return equipments_of(octets)
        except SheetError as error:
            what = message("The equipment list {file} cannot be used.", file=str(self._file))
            as_whole = Problem(message("the whole file"), error.what, error.remedy or message("Correct it."))
            raise EquipmentListUnusable(what, None, error.problems or [as_whole]) from error

    async def bill_of_material(self, equipment_number: str) -> Sequence[BomItem]:
        """Nothing can be ordered without a portal."""
        return ()

    async def orders_of(self, equipment_number: str) -> Sequence[PlacedOrder]:
        """Nobody to ask."""
        raise _no_api()

    async def submit_readings(self, envelopes: Sequence[Envelope]) -> Sequence[Outcome]:
        """Nothing is sent."""
        raise _no_api()

    async def order_progress(self, order_number: str) -> OrderProgress:
        """Nobody to ask."""
        raise _no_api()

    async def submit_order(self, envelope: Envelope, *, first_try: bool) -> Outcome:
        """Nothing is ordered."""
        raise _no_api()

    async def submit_notification(self, envelope: Envelope, *, first_try: bool) -> Outcome:
        """Nothing is reported."""
        raise _no_api()

    async def notification_status(self, number: str) -> str | None:
        """There is none."""
        return None

    async def rename(self, equipment: Equipment, number: str) -> Equipment:
        """Nothing is changed."""
        raise _no_api()


def _no_api() -> PortalError:
    return PortalError(
        message("The agent works without an API of the portal and can change nothing there."),
        message("Change it in the portal by hand, and in the equipment list."),
    )
