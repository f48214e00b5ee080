"""The same without containers: three replicas, HAProxy and Locust as processes of this machine.

    python run.py                         # 600 callers for two minutes, one replica killed in the middle
    python run.py --users 50 --seconds 20

Needed: `pip install 'realtime-mockserver[metrics,load]'` and the program haproxy (Debian: apt-get install haproxy).
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
MOCKSERVER = [sys.executable, "-m", "mockserver"]


def replica(port=0):
    """One copy of the server; its process and its port."""
    command = [*MOCKSERVER, "serve", str(HERE / "scenarios.yaml"), "-q", "--json", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, json.loads(process.stdout.readline())["port"]


def state(port):
    """How many sessions a replica has had, and how many run."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/__mockserver__/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()

    def total(name):
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name}{{"))

    return {
        "begun": int(total("mockserver_sessions_begun_total")),
        "open": int(total("mockserver_sessions_open")),
        "mismatches": int(total("mockserver_mismatches_total")),
    }


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--users", type=int, default=600)
    asked.add_argument("--seconds", type=int, default=120)
    asked.add_argument("--rate", type=int, default=50, help="callers that begin in a second")
    asked.add_argument("--port", type=int, default=4000, help="of HAProxy")
    asked.add_argument("--csv", default="load", help="begin of the names of Locust's files")
    asked.add_argument("--keep-all", action="store_true", help="kill no replica")
    options = asked.parse_args()
    if shutil.which("haproxy") is None:
        sys.exit("run.py: the program haproxy is not on the PATH (Debian, Ubuntu: apt-get install haproxy)")

    processes = []
    try:
        replicas = [replica() for _ in range(3)]
        processes += [process for process, _ in replicas]
        ports = [port for _, port in replicas]
        names = {name: f"127.0.0.1:{port}" for name, port in zip(("ONE", "TWO", "THREE"), ports, strict=True)}
        env = {**os.environ, **names, "LISTEN": f"127.0.0.1:{options.port}"}
        balancer = subprocess.Popen(["haproxy", "-db", "-f", str(HERE / "haproxy.cfg")], env=env)
        processes.append(balancer)
        time.sleep(1)
        if balancer.poll() is not None:
            sys.exit("run.py: haproxy has ended, see above")

        locust = [sys.executable, "-m", "locust", "-f", str(HERE / "locustfile.py")]
        host = ["--host", f"http://127.0.0.1:{options.port}/v1"]
        run = ["--headless", "--users", str(options.users), "--spawn-rate", str(options.rate)]
        master = [*locust, "--master", "--expect-workers", "2", *host, *run, "--run-time", f"{options.seconds}s"]
        leading = subprocess.Popen([*master, "--only-summary", "--csv", options.csv, "--stop-timeout", "10"])
        workers = [subprocess.Popen([*locust, "--worker", *host]) for _ in range(2)]
        processes += [leading, *workers]

        time.sleep(options.seconds / 2 + 3)
        print("run.py: before:", [state(port) for port in ports], flush=True)
        if not options.keep_all:
            replicas[1][0].send_signal(signal.SIGKILL)
            print(f"run.py: replica 2 killed at {time.strftime('%X')}", flush=True)
        status = leading.wait()
        left = ports if options.keep_all else [ports[0], ports[2]]
        print("run.py: after:", [state(port) for port in left], flush=True)
        print(f"run.py: locust ended with {status}; its figures are in {options.csv}_stats.csv")
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


if __name__ == "__main__":
    main()
