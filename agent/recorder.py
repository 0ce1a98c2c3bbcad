"""Everything that a printer says, for a recording of it."""

from __future__ import annotations

from collections.abc import Iterable

from agent.errors import PrinterRefuses
from agent.printers import Endpoint
from agent.snmp.interpretation import identify
from agent.snmp.varbinds import Answer, Ask, Table, Varbinds, oid_of
from agent.survey import LEFT_ALONE, Survey, spared

# What a recording holds besides the profile's objects: system, interfaces' addresses, devices, the whole Printer-MIB,
# the Port Monitor MIB. Makers' private branches are never walked whole: they hold communities and addresses.
RECORDED = tuple(
    map(
        oid_of,
        (
            "1.3.6.1.2.1.1",
            "1.3.6.1.2.1.2.2.1.6",
            "1.3.6.1.2.1.25.3.2",
            "1.3.6.1.2.1.25.3.5",
            "1.3.6.1.2.1.43",
            "1.3.6.1.4.1.2699.1.2",
        ),
    )
)


async def record(survey: Survey, endpoint: Endpoint) -> Answer:
    """Everything of the recorded branches that the device has, and what its profile asks for; nothing redacted.

    Raises `PrinterSilent` when it does not answer, `PrinterRefuses` when it must not be read.
    """
    answers = [await survey.snmp.ask(endpoint, survey.profile.identify_ask)]
    identity, _ = identify(survey.profile, answers[0].varbinds)
    if identity.manufacturer is None:
        answers.append(await survey.snmp.ask(endpoint, survey.catalogue.signature_ask))
    profile = survey.catalogue.choose(identity, _together(answers))
    if care := profile.care_of(identity.model, "read"):
        raise PrinterRefuses(*spared(endpoint, identity, care), code=LEFT_ALONE)
    no_bulk = profile.care_of(identity.model, "bulk") is not None
    walks = (Ask(tables=(Table((branch,), rows=20),), bulk=not no_bulk) for branch in RECORDED)
    for ask in (profile.spared_ask if no_bulk else profile.read_ask, *walks):
        answers.append(await survey.snmp.ask(endpoint, ask))
    return Answer(
        varbinds=_together(answers),
        version=answers[0].version,
        datagrams=sum(answer.datagrams for answer in answers),
        complete=all(answer.complete for answer in answers),
        missing=tuple(dict.fromkeys(oid for answer in answers for oid in answer.missing)),
        notes=tuple(dict.fromkeys(note for answer in answers for note in answer.notes)),
    )


def _together(answers: Iterable[Answer]) -> Varbinds:
    """All that was answered; of an object that was asked twice the later answer counts."""
    return Varbinds({oid: value for answer in answers for oid, value in answer.varbinds.items()})
