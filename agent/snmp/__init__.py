"""Asking printers over SNMP, and understanding what they say."""
