"""The script that most people write first with python-smpplib.

    python tutorial.py HOST PORT

It knows nothing of this project: connect, bind, cut a long text into parts, submit them
with a receipt requested, listen until the receipts are there, unbind.
"""

import sys

import smpplib.client
import smpplib.consts
import smpplib.gsm

parts, encoding_flag, msg_type_flag = smpplib.gsm.make_parts("Привет, мир! 👋\n" * 10)

client = smpplib.client.Client(sys.argv[1], int(sys.argv[2]), allow_unknown_opt_params=True)
receipts = []


def on_sent(pdu):
    print("submit_sm_resp", pdu.sequence, pdu.message_id.decode())


def on_received(pdu):
    receipts.append(pdu.receipted_message_id.decode())
    print("delivered", receipts[-1])
    if len(receipts) == len(parts):
        raise KeyboardInterrupt
    return 0


client.set_message_sent_handler(on_sent)
client.set_message_received_handler(on_received)
client.connect()
client.bind_transceiver(system_id="smppclient1", password="password")
for part in parts:
    client.send_message(
        source_addr_ton=smpplib.consts.SMPP_TON_INTL,
        source_addr="491700000000",
        dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
        destination_addr="491761234567",
        short_message=part,
        data_coding=encoding_flag,
        esm_class=msg_type_flag,
        registered_delivery=True,
    )
try:
    client.listen()
except KeyboardInterrupt:
    client.unbind()
    client.disconnect()
