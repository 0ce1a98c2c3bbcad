"""Virtual printers: answer SNMP v1 and v2c on loopback from recordings or device descriptions, honestly or not."""
