"""python3 websocket.py once|again URL AFTER

A connection of the package websockets; "again" resumes whenever it closes. Commands:
  {"send": TEXT or LIST OF FRAGMENTS} {"close": CODE, "reason": TEXT} {"bytes": BASE64, "binary": BOOL} {"ping": TEXT}
"""

import asyncio
import base64
import json
import sys

import websockets


def see(what, **more):
    print(json.dumps({"see": what, **more}), flush=True)


async def send_text(ws, data):
    """Sends bytes as a text message, which the package's own way refuses if they are not UTF-8."""
    if hasattr(ws, "write_frame"):  # up to version 13
        await ws.write_frame(True, 1, data)
        return
    async with ws.send_context():
        ws.protocol.send_text(data)


async def obey(ws, command):
    if "send" in command:
        await ws.send(command["send"])
    if "bytes" in command:
        data = base64.b64decode(command["bytes"])
        await (ws.send(data) if command["binary"] else send_text(ws, data))
    if "ping" in command:
        await (await ws.ping(command["ping"]))
        see("pong", data=command["ping"])
    if "close" in command:
        await ws.close(command["close"], command.get("reason", ""))


async def obey_all(ws, commands):
    async for line in commands:
        await obey(ws, json.loads(line))


async def main(mode, url, after):
    commands = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    retry = 0.01
    while True:
        try:
            # By default the package takes messages of 1 MiB; an event's envelope may be larger.
            ws = await websockets.connect(
                f"{url}?after={after}", subprotocols=["pushlab.v1"], max_size=None
            )
        except (OSError, EOFError, asyncio.TimeoutError, websockets.WebSocketException) as error:
            see("lost", reason=repr(error))
            await asyncio.sleep(retry)
            continue
        agreed = ws.extensions if hasattr(ws, "extensions") else ws.protocol.extensions  # since version 14
        see("open", protocol=ws.subprotocol, extensions=", ".join(e.name for e in agreed))
        obeying = asyncio.create_task(obey_all(ws, commands))
        try:
            async for data in ws:
                message = json.loads(data)
                if "op" in message:
                    see("reply", data=data)
                    continue
                after = message["id"]
                if message["topic"] == "$bye":
                    retry = message["data"]["retry"] / 1000
                see("event", data=data)
        except websockets.ConnectionClosed:
            pass
        obeying.cancel()
        see("close", code=ws.close_code, reason=ws.close_reason)
        if mode != "again":
            return
        await asyncio.sleep(retry)


asyncio.run(main(*sys.argv[1:]))
