"""Models that must not be touched in certain ways are not."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from agent.clock import SystemClock
from agent.discovery.allowed import Allowed
from agent.discovery.finder import NetworkFinder
from agent.discovery.ranges import AddressRanges
from agent.errors import PrinterRefuses, ProfileError
from agent.printers import Endpoint
from agent.recorder import record
from agent.snmp.catalogue import shipped
from agent.snmp.client import SnmpClient
from agent.snmp.conversation import CommunityAccess
from agent.survey import Survey
from tests.fleet_process import DEVICES, FleetProcess

ADDRESS = "127.36.0.1"


class Listening:
    """The real client, with every question noted."""

    def __init__(self):
        self.client = SnmpClient((CommunityAccess("v2c", "public"),))
        self.asked = []

    async def ask(self, endpoint, ask):
        self.asked.append(ask)
        return await self.client.ask(endpoint, ask)


class Nobody:
    def stage(self, name, total) -> None:
        pass

    def step(self, count: int = 1) -> None:
        pass


def told_as(tmp_path, model: str):
    """Everything that was asked of a printer with this model name, and what `read` made of it."""
    text = (DEVICES / "brother_mfc_l8905cdw.toml").read_text("utf-8").replace("MFC-L8905CDW", model)
    device = tmp_path / "device.toml"
    device.write_text(text, "utf-8")
    line = {"name": "one", "source": str(device), "address": ADDRESS}
    with FleetProcess(tmp_path, [line]) as process:
        snmp, endpoint = Listening(), Endpoint(ADDRESS, process.ports["one"])
        survey = Survey(
            NetworkFinder(Allowed(AddressRanges.parse([ADDRESS])), (), endpoint.port), snmp, shipped(), SystemClock()
        )

        async def work():
            found = await survey.find(Nobody())
            readout = await survey.read(endpoint, found.first[endpoint])
            try:
                await record(survey, endpoint)
            except PrinterRefuses as error:
                return readout, error
            return readout, None

        return snmp.asked, *asyncio.run(work())


def test_a_model_that_restarts_when_asked_is_only_identified(tmp_path):
    """Neither read nor recorded: who it is, why nothing is read, and what to do instead."""
    asked, readout, refusal = told_as(tmp_path, "MFC-8660DN")
    identify = shipped().generic.identify_ask
    assert {ask.tables for ask in asked} == {()}
    assert {ask.objects for ask in asked} == {identify.objects}
    assert (readout.status, readout.counters) == ("refused", ())
    assert readout.identity.model.startswith("MFC-8660DN")
    assert [finding.code for finding in readout.findings] == ["left_alone", "remedy"]
    assert "restarts" in str(readout.findings[0].message)
    assert refusal.code == "left_alone"


def test_a_model_that_cannot_do_getbulk_is_never_asked_by_it(tmp_path):
    """The same values, by GETNEXT from the first packet on."""
    asked, spared, _ = told_as(tmp_path, "DCP-L3560CDW")
    _, ordinary, _ = told_as(tmp_path, "MFC-L8905CDW")
    assert any(not ask.bulk for ask in asked)
    assert not [ask for ask in asked if ask.bulk and ask.tables]  # reading and recording alike
    assert spared.status == "ok"
    assert {one.meter: one.value for one in spared.counters} == {one.meter: one.value for one in ordinary.counters}
    assert spared.datagrams > ordinary.datagrams


def test_profiles_say_which_models_are_spared():
    """In the command's output for people and for programs."""
    command = [sys.executable, "-m", "agent", "profiles", "Brother MFC-8660DN"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "MFC-8660DN" in shown
    (told,) = map(json.loads, subprocess.run([*command, "--json"], capture_output=True, text=True).stdout.splitlines())
    assert {"read", "bulk"} == {never for care in told["care"] for never in care["never"]}


def test_a_wrong_care_is_refused_with_file_and_place(tmp_path):
    """An expression that cannot be read says so, and which file it is in."""
    own = tmp_path / "own.toml"
    lines = [
        'name = "own"', "version = 1", 'source = "x"', "[[match]]", 'manufacturer = "HP"',
        "[[care]]", "model = '('", 'never = ["read"]', 'why = "x"',
    ]  # fmt: skip
    own.write_text("\n".join(lines), "utf-8")
    with pytest.raises(ProfileError) as caught:
        shipped(tmp_path)
    assert "own.toml" in str(caught.value)
    assert "care" in str(caught.value)
