"""A fixed number of signed commands a second, each on a connection of its own, late answers counted from when they were due.

usage: steady.py PORT RATE SECONDS RUN; prints one JSON object
"""
import asyncio, hashlib, hmac, json, os, sys, time
from urllib.parse import urlencode

PORT, RATE, SECONDS, RUN = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
SECRET = os.environ["SLACK_SIGNING_SECRET"].encode()


def request(number):
    body = urlencode({
        "token": "unused", "team_id": "T0P0DEMO", "team_domain": "p0-demo", "channel_id": "C0ACCESS", "channel_name": "access",
        "user_id": "U0ALICE", "user_name": "alice", "command": "/p0", "text": "request postgres", "api_app_id": "A0P0DEMO",
        "is_enterprise_install": "false", "response_url": "https://hooks.slack.com/commands/T0P0DEMO/1/x",
        "trigger_id": f"13345224609.738474920.{RUN}{number:016x}"})
    at = str(int(time.time()))
    signature = "v0=" + hmac.new(SECRET, f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
    return (f"POST /slack/commands HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\nX-Slack-Request-Timestamp: {at}\r\nX-Slack-Signature: {signature}\r\n\r\n{body}").encode()


async def ask(number, due, took, bad):
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        writer.write(request(number))
        status = await asyncio.wait_for(reader.readline(), 10)
        took.append((time.perf_counter() - due) * 1000)
        if b" 200 " not in status:
            bad.append(status)
        writer.close()
    except (OSError, asyncio.TimeoutError) as wrong:
        bad.append(wrong)


async def main():
    took, bad, running = [], [], []
    began = time.perf_counter()
    for number in range(RATE * SECONDS):
        due = began + number / RATE
        await asyncio.sleep(max(0, due - time.perf_counter()))
        running.append(asyncio.create_task(ask(number, due, took, bad)))
    await asyncio.gather(*running)
    took.sort()
    at = lambda share: took[min(len(took) - 1, int(len(took) * share))] if took else 0
    print(json.dumps({"requests": len(took), "seconds": time.perf_counter() - began, "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1),
                      "bytes": 0, "bad_status": len(bad), "broken": 0, "timeouts": 0}))

asyncio.run(main())
