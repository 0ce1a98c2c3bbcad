"""The second voice: printers asked over IPP, where SNMP is off or has to be cross-checked."""
