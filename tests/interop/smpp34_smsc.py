"""A message centre of smpp34: writes what it gets as JSON lines, and delivers each at once.

    python smpp34_smsc.py PORT

An ESME that can receive and is called "listener" gets a text when it has bound.
"""

import asyncio
import json
import sys

import smpp34


async def main(port):
    server = smpp34.Server(host="127.0.0.1", port=port, system_id="smpp34")
    await server.start()
    tell({"listening": port})
    sessions, count = {}, 0
    while True:
        event = await server.next()
        if isinstance(event, smpp34.Esme):
            sessions[event.session_id] = event
            tell({"bound": event.system_id, "receives": event.can_receive})
            if event.can_receive and event.system_id == "listener":
                await event.deliver_sm(
                    "1000",
                    "你好".encode("utf-16-be"),
                    source_addr="491761234567",
                    source_addr_ton=1,
                    data_coding=8,
                )
        elif isinstance(event, smpp34.SubmitSmEvent):
            count += 1
            await take(event, f"m{count}", sessions)


async def take(event, message_id, sessions):
    names = ("source_addr", "destination_addr", "esm_class", "data_coding", "registered_delivery")
    fields = {name: getattr(event, name) for name in names}
    tell({**fields, "short_message": event.short_message.hex()})
    if event.destination_addr == "490":
        event.reject(smpp34.ESME_RTHROTTLED)
        return
    event.accept(message_id)
    if event.registered_delivery & 1:
        text = (
            f"id:{message_id} sub:001 dlvrd:001 submit date:2611240300 done date:2611240300 "
            "stat:DELIVRD err:000 text:"
        )
        await sessions[event.session_id].deliver_sm(
            event.source_addr,
            text.encode(),
            source_addr=event.destination_addr,
            esm_class=4,
            tlvs=[
                smpp34.Tlv(smpp34.TLV_RECEIPTED_MESSAGE_ID, message_id.encode() + b"\0"),
                smpp34.Tlv(smpp34.TLV_MESSAGE_STATE, b"\x02"),
            ],
        )


def tell(line):
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
