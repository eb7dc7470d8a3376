"""A signed `/p0 request postgres`, acknowledged, and a modal opened: p0 beside its peer. Started by `run`.

Rounds are interleaved (peer, p0, peer, p0, ...) so that a noisy neighbour hits both alike. CPU time per request is user
and system time of the program and its children, from procfs; noise moves it least, so it is the figure to hold on to.
Everything listens on 127.0.0.1 and stops by itself.
"""
import argparse, json, os, re, shutil, signal, socket, statistics, subprocess, sys, tempfile, time, urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = Path(os.environ["P0_TOOLS_DIR"])
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TICK = os.sysconf("SC_CLK_TCK")
LINE = len("1700000000.123\n")  # one opened modal in the fake's log


def arguments():
    words = argparse.ArgumentParser(prog="benches/inbound/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--p0", metavar="BINARY", help="the release binary; without it only the peer is measured")
    words.add_argument("--p0-config", metavar="FILE", help="its p0.yaml: U0ALICE of T0P0DEMO may ask for postgres")
    words.add_argument("--p0-args", default="", help="words after the binary, such as a subcommand")
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--seconds", type=int, default=5, help="of load, per round and number of connections")
    words.add_argument("--connections", default="1,16")
    words.add_argument("--rate", type=int, default=100, help="also this many requests a second, evenly, on one connection each; 0 leaves it out")
    words.add_argument("--out", metavar="FILE", help="where to put every round as JSON")
    said = words.parse_args()
    if said.p0 and not said.p0_config:
        words.error("--p0 needs --p0-config")
    return said


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(what, happens, limit=30):
    end = time.monotonic() + limit
    while not happens():
        if time.monotonic() > end:
            sys.exit(f"run: {what} did not happen within {limit} s")
        time.sleep(0.02)


def listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def family(pid):
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                todo += map(int, children.read_text().split())
            except OSError:
                pass
    return found


def cpu(pid):
    ticks = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return ticks / TICK


def rss(pid):
    kib = 0
    for one in family(pid):
        try:
            kib += int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text())[1])
        except (OSError, TypeError):
            pass
    return kib / 1024


def start(command, env, log, **more):
    return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **more)


def stop(one):
    if one.poll() is None:
        os.killpg(one.pid, signal.SIGTERM)
        try:
            one.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(one.pid, signal.SIGKILL)
            one.wait()


class FakeSlack:
    def __init__(self, folder):
        self.port, self.opened_log = free_port(), folder / "opened"
        conf = (HERE / "nginx.conf").read_text().replace("@FOLDER@", str(folder)).replace("@PORT@", str(self.port))
        (folder / "nginx.conf").write_text(conf)
        unpacked = TOOLS / "nginx/usr/sbin/nginx"
        program = unpacked if unpacked.exists() else shutil.which("nginx", path="/usr/sbin:" + os.environ["PATH"])
        self.log = open(folder / "nginx.out", "ab")
        self.process = start([program, "-c", folder / "nginx.conf", "-e", folder / "nginx.err"], os.environ, self.log)
        until("the start of nginx", lambda: listens(self.port))
        self.url = f"http://127.0.0.1:{self.port}/api"

    def opened(self):
        return self.opened_log.stat().st_size // LINE

    def calls(self):
        status = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status").read().decode()
        return int(status.splitlines()[2].split()[2])

    def settle(self, limit=60):
        """Wait until no modal was opened for half a second."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            before = self.opened()
            time.sleep(0.5)
            if self.opened() == before:
                return


def wrk(port, connections, seconds, run):
    told = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", HERE / "command.lua", f"http://127.0.0.1:{port}"],
        env={**os.environ, "SLACK_SIGNING_SECRET": SECRET, "RUN": run}, capture_output=True, text=True)
    line = re.search(r"^JSON (.*)$", told.stdout, re.M)
    if not line:
        sys.exit(f"run: wrk failed: {told.stdout}{told.stderr}")
    return json.loads(line[1])


def peers(said, slack, folder):
    """name -> (command, environment, folder to run in), made anew for each start"""
    common = {"PATH": os.environ["PATH"], "HOME": str(folder), "SLACK_SIGNING_SECRET": SECRET, "SLACK_BOT_TOKEN": "xoxb-bench", "SLACK_API_URL": slack.url}

    def bolt(port):
        return ["node", HERE / "bolt_js/app.mjs"], {
            **common, "NODE_ENV": "production", "PORT": str(port), "MODAL": str(HERE / "modal.json"), "PEER_MODULES": str(TOOLS / "bolt_js")}

    def p0(port):
        for old in folder.glob("p0.db*"):
            old.unlink()
        return [os.path.abspath(said.p0), *said.p0_args.split()], {
            **os.environ, **common, "P0_CONFIG": os.path.abspath(said.p0_config), "P0_DATABASE_URL": f"sqlite://{folder}/p0.db?mode=rwc",
            "P0_KEY_FILE": f"{folder}/p0.key", "P0_LISTEN": f"127.0.0.1:{port}"}

    return {"Bolt JS": bolt, **({"p0": p0} if said.p0 else {})}


def one_load(slack, pid, load):
    slack.settle()
    opened, calls, used = slack.opened(), slack.calls(), cpu(pid)
    row = load()
    at_end = slack.opened() - opened
    time.sleep(3)  # as long as a trigger id lives
    in_time = slack.opened() - opened
    slack.settle()
    asked = max(1, row["requests"])
    # The last requests of wrk are cut off in flight: they are answered by a modal, but not counted by wrk.
    row.update(cpu_us=(cpu(pid) - used) / asked * 1e6, rss_mb=rss(pid), behind=max(0, asked - at_end), in_time=min(1.0, in_time / asked),
               calls=(slack.calls() - calls - 1) / asked, load=os.getloadavg()[0])
    return row


def measure(said, slack, folder):
    rows = []
    for turn in range(said.rounds):
        for name, make in peers(said, slack, folder).items():
            port = free_port()
            command, env = make(port)
            log = open(folder / f"{name}.log", "wb")
            began = time.monotonic()
            program = start(command, env, log, cwd=folder)
            try:
                until(f"the start of {name} (see its last words: {folder}/{name}.log)", lambda: program.poll() is not None or listens(port))
                if program.poll() is not None:
                    sys.exit(f"run: {name} ended at once: {Path(log.name).read_text()[-1000:]}")
                started = (time.monotonic() - began) * 1000
                wrk(port, 4, 2, f"w{turn}")  # warm up
                slack.settle()
                idle = rss(program.pid)
                loads = [(f"{c} connections" if c > 1 else "1 connection", lambda c=c: wrk(port, c, said.seconds, f"{turn}x{c}x"))
                         for c in map(int, said.connections.split(","))]
                if said.rate:
                    loads.append((f"{said.rate} a second", lambda: steady(port, said.rate, said.seconds, f"{turn}s")))
                for what, load in loads:
                    row = one_load(slack, program.pid, load)
                    row.update(peer=name, round=turn, what=what, start_ms=started, idle_mb=idle)
                    rows.append(row)
                    print(f"round {turn + 1} {name}, {what}: {row['requests']} requests, {row['cpu_us']:.0f} us CPU each, p99 {row['p99_ms']:.2f} ms, "
                          f"{row['in_time']:.1%} opened in time", file=sys.stderr, flush=True)
                    if row["bad_status"] or row["broken"] or row["timeouts"]:
                        print(f"  but {row['bad_status']} bad answers, {row['broken']} broken connections, {row['timeouts']} time-outs", file=sys.stderr)
                    if not row["in_time"]:
                        sys.exit(f"run: {name} opened no modal, so there is nothing to compare: {Path(log.name).read_text()[-1000:]}")
            finally:
                stop(program)
                log.close()
    return rows


def steady(port, rate, seconds, run):
    """Evenly timed requests, a new connection each; latency counts from when each was due."""
    told = subprocess.run([sys.executable, HERE / "steady.py", str(port), str(rate), str(seconds), run],
                          env={**os.environ, "SLACK_SIGNING_SECRET": SECRET}, capture_output=True, text=True)
    if told.returncode:
        sys.exit(f"run: the steady load failed: {told.stderr}")
    return json.loads(told.stdout)


COLUMNS = [  # title, key, unit, digits, less is better
    ("req/s", "rps", "", 0, False), ("p50 ms", "p50_ms", "", 2, True), ("p99 ms", "p99_ms", "", 2, True), ("CPU us/req", "cpu_us", "", 0, True),
    ("RSS MB", "rss_mb", "", 0, True), ("opened in 3 s", "in_time", "%", 1, None), ("calls/req", "calls", "", 2, None)]


def table(rows):
    for row in rows:
        row["rps"] = row["requests"] / row["seconds"]
    names = list(dict.fromkeys(r["peer"] for r in rows))
    print(f"\nMedians of {max(r['round'] for r in rows) + 1} rounds.\n")
    print("| load | program | " + " | ".join(c[0] for c in COLUMNS) + " | bad |")
    print("| --- | --- |" + " ---: |" * (len(COLUMNS) + 1))
    for what in dict.fromkeys(r["what"] for r in rows):
        middle = {}
        for name in names:
            mine = [r for r in rows if r["what"] == what and r["peer"] == name]
            middle[name] = {key: statistics.median(r[key] for r in mine) for _, key, *_ in COLUMNS}
            cells = [f"{middle[name][key] * (100 if unit else 1):.{digits}f}{unit}" for _, key, unit, digits, _ in COLUMNS]
            print(f"| {what} | {name} | " + " | ".join(cells) + f" | {sum(r['bad_status'] + r['broken'] + r['timeouts'] for r in mine)} |")
        if len(names) == 2:
            peer, ours = (middle[n] for n in names)
            ratios = ["" if less is None or not ours[key] or not peer[key] else
                      f"{(peer[key] / ours[key]) if less else (ours[key] / peer[key]):.1f}x" for _, key, _, _, less in COLUMNS]
            print(f"| {what} | p0 better by | " + " | ".join(ratios) + " | |")
    for name in names:
        mine = [r for r in rows if r["peer"] == name]
        print(f"\n{name}: starts in {statistics.median(r['start_ms'] for r in mine):.0f} ms, {statistics.median(r['idle_mb'] for r in mine):.0f} MB after the warm-up")


def main():
    said = arguments()
    folder = Path(tempfile.mkdtemp(prefix="p0-bench."))
    folder.chmod(0o755)  # nginx's worker is another user when root starts it
    slack = None
    try:
        slack = FakeSlack(folder)
        rows = measure(said, slack, folder)
        if said.out:
            Path(said.out).write_text(json.dumps(rows, indent=1))
        table(rows)
    finally:
        if slack:
            stop(slack.process)
        shutil.rmtree(folder, ignore_errors=True)


main()
