"""python3 websocket.py

A WebSocket server of the package websockets, which compresses if the client offers it. The path
says what it does to its clients.
"""

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlsplit

import websockets


def see(what, **more):
    print(json.dumps({"see": what, **more}), flush=True)


def envelope(n, data=None):
    return json.dumps({"id": f"mfrggzdf-{n}", "topic": "count", "data": data or n}, ensure_ascii=False)


async def plain(ws, query):
    await ws.send(envelope(1))
    await ws.send(envelope(2, "é🚀\u2028"))


async def fragments(ws, query):
    for n, data in (1, "é🚀\u2028"), (2, "x" * 100):
        await ws.send(list(envelope(n, data)))  # a frame for each character
        pong = await ws.ping(f"{n}/10")
        await pong
        see("pong", data=f"{n}/10")


async def binary(ws, query):
    await ws.send(envelope(1).encode())


async def large(ws, query):
    await ws.send(envelope(1, "é" * (1 << 20)))


async def foreign(ws, query):
    await ws.send("hello")


async def close(ws, query):
    await ws.send(envelope(1))
    await ws.close(int(query["code"][0]), "enough €")


async def resume(ws, query):
    last = int(query["after"][0].split("-")[1]) if "after" in query else 0
    for n in range(last + 1, last + 4):
        await ws.send(envelope(n))
    ws.transport.abort()


ways = {way.__name__: way for way in (plain, fragments, binary, large, foreign, close, resume)}


async def serve(ws):
    if hasattr(ws, "path"):  # up to version 13
        path, headers, agreed = ws.path, ws.request_headers, ws.extensions
    else:
        path, headers, agreed = ws.request.path, ws.request.headers, ws.protocol.extensions
    see("request", path=path, header={k.lower(): v for k, v in headers.raw_items()})
    see("open", protocol=ws.subprotocol or "", extensions=", ".join(e.name for e in agreed))
    url = urlsplit(path)
    try:
        await ways[url.path[1:]](ws, parse_qs(url.query))
        await ws.wait_closed()
    except websockets.ConnectionClosed:
        pass
    see("close", code=ws.close_code, reason=ws.close_reason)


async def main():
    async with websockets.serve(serve, "127.0.0.1", 0) as server:
        host, port = next(iter(server.sockets)).getsockname()
        see("listening", url=f"ws://{host}:{port}")
        await asyncio.get_running_loop().create_future()  # until it is killed


asyncio.run(main())
