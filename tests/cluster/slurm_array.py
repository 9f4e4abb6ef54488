#!/usr/bin/env python3
"""The quick sweep as a job array of a real Slurm, tasks killed and stopped mid-way, against the sweep in one process.

    slurm_array.py PROGRAM [--config CONFIG]

Starts munged, slurmctld and slurmd on loopback in a private temporary directory, submits the sweep with
configs/cluster/slurm_array.sh, kills the kvfrontier of one task with SIGKILL once it has written some records, tells
another task to stop as Slurm does before a time limit, and compares the merged records of the requeued tasks and the
others with those of a single process: identical but for times and sessions. A second array leaves a shard out: the
merge job names it, and the same command again completes the sweep. Needs root and Debian's slurm-wlm. Everything it
starts ends with it, by process id. Exit status: 0 passed, 1 failed, 2 cannot run here.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SHARDS = 4
KILLED = 2  # the shard whose process dies
STOPPED = 4  # the shard that is told to stop
LEFT_OUT = 3  # the shard that the second array does not have
MINUTES = 15  # a generous end to every wait; nothing here asserts a time

SLURM_CONF = """\
ClusterName=kvfrontier
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={daemon_port}
AuthType=auth/munge
AuthInfo=socket={directory}/munge/socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.pid
SlurmctldLogFile={directory}/slurmctld.log
SlurmdLogFile={directory}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,batch_sched_delay=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Failed(Exception):
    """Something that must hold does not; the message says what."""


def require(condition, message):
    if not condition:
        raise Failed(message)


def eventually(holds, what):
    """Looks every 20 ms until holds() is true, and returns what it gave."""
    end = time.monotonic() + 60 * MINUTES
    while time.monotonic() < end:
        result = holds()
        if result:
            return result
        time.sleep(0.02)
    raise Failed(f"{what}: not within {MINUTES} minutes")


def output_of(*words, **options):
    return subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextlib.contextmanager
def daemon(*words, log):
    """A process that is ended and waited for at the end."""
    with open(log, "ab") as stream:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def slurm(directory):
    """A cluster of one node, this machine. SLURM_CONF points at it meanwhile."""
    (directory / "munge").mkdir(mode=0o755)
    for name in ("state", "spool"):
        (directory / name).mkdir()
    key = directory / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    controller_port, daemon_port = free_ports(2)
    conf = directory / "slurm.conf"
    conf.write_text(
        SLURM_CONF.format(
            directory=directory,
            host=socket.gethostname().split(".")[0],
            cpus=os.cpu_count(),
            controller_port=controller_port,
            daemon_port=daemon_port,
        )
    )
    os.environ["SLURM_CONF"] = str(conf)
    munge = directory / "munge"
    with contextlib.ExitStack() as stack:
        files = [f"--{file}-file={munge}/{file}" for file in ("key", "pid", "log", "seed")]
        words = ["munged", "--foreground", "--force", "--num-threads=2", f"--socket={munge}/socket", *files]
        stack.enter_context(daemon(*words, log=directory / "munged.out"))
        eventually(lambda: (munge / "socket").exists(), "munged opens its socket")
        controller = stack.enter_context(daemon("slurmctld", "-D", "-c", log=directory / "slurmctld.out"))
        node = stack.enter_context(daemon("slurmd", "-D", "-c", log=directory / "slurmd.out"))

        def idle():
            for process, name in ((controller, "slurmctld"), (node, "slurmd")):
                log = directory / f"{name}.log"
                said = log.read_text()[-2000:] if log.exists() else "no log"
                require(process.poll() is None, f"{name} ended: {said}")
            asked = subprocess.run(["sinfo", "--noheader", "--format", "%T"], text=True, capture_output=True)
            return asked.stdout.strip() == "idle"

        eventually(idle, "the node is idle")
        try:
            yield
        finally:
            # Steps end with their jobs, and not with slurmd.
            subprocess.run(["scancel", "--user", "root"], check=False)
            subprocess.run(
                ["scancel", "--user", "root", "--signal", "KILL", "--full"], check=False, stderr=subprocess.DEVNULL
            )
            with contextlib.suppress(Failed):
                eventually(lambda: not output_of("squeue", "--noheader"), "the queue empties")


def submit(program, config, out, *flags):
    """Returns the ids of the array and of the merge job."""
    environment = {**os.environ, "KVFRONTIER": str(program), "OUT": str(out)}
    text = output_of(
        str(REPOSITORY / "configs/cluster/slurm_array.sh"), str(config), str(SHARDS), *flags, env=environment
    )
    found = re.fullmatch(r"array (\d+), merge (\d+) -> .*\n", text)
    require(found, f"slurm_array.sh printed {text!r}")
    return found.groups()


def job_is_over(job):
    # A requeued task waits for its old credential to expire; here that may as well be now.
    if job not in output_of("squeue", "--noheader", "--format", "%F"):
        return True
    words = ["squeue", "--noheader", "--array", "--jobs", job, "--format", "%i %T %r"]
    listed = output_of(*words, stderr=subprocess.DEVNULL)
    for line in listed.splitlines():
        task, state, reason = line.split(maxsplit=2)
        if state == "PENDING" and reason == "BeginTime":
            subprocess.run(
                ["scontrol", "update", f"JobId={task}", "StartTime=now"], check=False, stderr=subprocess.DEVNULL
            )
    return not listed


def wait_for(array, merge):
    """The exit code of the merge job."""
    eventually(lambda: job_is_over(array) and job_is_over(merge), f"jobs {array} and {merge} end")
    shown = output_of("scontrol", "show", "job", merge)
    return int(re.search(r"ExitCode=(\d+):", shown).group(1))


def lines(file):
    """Whole lines only: the last one may be half written."""
    return file.read_bytes().count(b"\n") if file.exists() else 0


def kvfrontier_of_shard(out, shard):
    """The process id of the kvfrontier that writes this shard: not its zygote or Bobs, which have its command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if str(out).encode() in words and f"{shard}/{SHARDS}".encode() in words and words[1:2] == [b"run"]:
                found[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    roots = [pid for pid, parent in found.items() if parent not in found]
    return roots[0] if len(roots) == 1 else None


def canonical(out):
    """Records and stops as sorted lines without times and sessions."""
    kept = []
    for stem in ("records", "stops"):
        for file in sorted(out.glob(f"{stem}*.jsonl")):
            for line in file.read_text().splitlines():
                record = json.loads(line)
                for name in ("seconds", "session", "revision"):
                    record.pop(name, None)
                kept.append(json.dumps(record, sort_keys=True))
    return sorted(kept)


def require_same(out, reference):
    records = canonical(out)
    different = set(records) ^ set(reference)
    require(
        records == reference,
        f"{out}: {len(different)} lines are not those of one process, for example "
        f"{min(different, default='(a repetition)')[:300]}",
    )


def require_resumed(out, shard, code, before):
    log = (out / "slurm" / f"shard-{shard}.log").read_text()
    require(f"ended with {code}; back into the queue" in log, f"the task was not sent back:\n{log}")
    measured, found = map(int, re.findall(r"(\d+) trials measured, (\d+) found", log)[-1])
    require(measured > 0 and found >= before > 0, f"it was too late, or the task did not resume:\n{log}")
    print(f"shard {shard}/{SHARDS}: ended with {code} after {before} records, {found} found, {measured} measured")


def interrupted_tasks(program, config, directory):
    reference, out = directory / "reference", directory / "array"
    subprocess.run([program, "run", str(config), "--out", str(reference), "--quiet"], check=True)
    array, merge = submit(program, config, out)
    files = {shard: out / f"records.{shard}-of-{SHARDS}.jsonl" for shard in (KILLED, STOPPED)}
    before = {}
    eventually(lambda: lines(files[KILLED]) >= 20, f"shard {KILLED}/{SHARDS} has written 20 records")
    os.kill(eventually(lambda: kvfrontier_of_shard(out, KILLED), "its process is found"), signal.SIGKILL)
    before[KILLED] = lines(files[KILLED])
    eventually(lambda: lines(files[STOPPED]) >= 20, f"shard {STOPPED}/{SHARDS} has written 20 records")
    before[STOPPED] = lines(files[STOPPED])
    output_of("scancel", "--signal", "TERM", "--batch", f"{array}_{STOPPED}")
    code = wait_for(array, merge)
    merged = (out / "slurm" / "merge.log").read_text()
    require(code == 0, f"the merge job ended with {code}:\n{merged}")
    require_resumed(out, KILLED, 137, before[KILLED])
    require_resumed(out, STOPPED, 143, before[STOPPED])
    require(" 0 findings" in merged, f"no audit in {merged}")
    require_same(out, canonical(reference))
    print(f"{len(canonical(out))} records and stops identical to those of one process")


def left_out_shard(program, directory):
    config = REPOSITORY / "configs/quick/var256.json"
    reference, out = directory / "reference-left-out", directory / "array-left-out"
    subprocess.run([program, "run", str(config), "--out", str(reference), "--quiet"], check=True)
    tasks = ",".join(str(shard) for shard in range(1, SHARDS + 1) if shard != LEFT_OUT)
    code = wait_for(*submit(program, config, out, "--array", tasks))
    merged = (out / "slurm" / "merge.log").read_text()
    named = re.findall(r"shard (\d+)/(\d+) has not finished", merged)
    require(
        code == 1 and named == [(str(LEFT_OUT), str(SHARDS))],
        f"the merge job ended with {code} and named {named}:\n{merged}",
    )
    code = wait_for(*submit(program, config, out))
    require(code == 0, f"the second merge job ended with {code}:\n{(out / 'slurm' / 'merge.log').read_text()}")
    require_same(out, canonical(reference))
    print(f"shard {LEFT_OUT}/{SHARDS} left out: named by the merge job; the same command again completed the sweep")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", help="the built kvfrontier")
    parser.add_argument("--config", default=REPOSITORY / "configs/quick/index_frontier.json")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        needs = "make test-cluster starts Slurm's daemons and needs root: run it as root, or in a container"
        print(needs, file=sys.stderr)
        return 2
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if shutil.which(name) is None]
    if missing:
        print(f"{', '.join(missing)}: not found; .ci/install-dependencies slurm installs them", file=sys.stderr)
        return 2
    program = Path(arguments.program).resolve()
    for name in list(os.environ):  # of a cluster that this test may itself run on
        if name.startswith(("SLURM_", "SBATCH_")):
            del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="kvfrontier-slurm-") as name:
        directory = Path(name)
        try:
            with slurm(directory):
                interrupted_tasks(program, Path(arguments.config).resolve(), directory)
                left_out_shard(program, directory)
        except Failed as failure:
            print(f"failed: {failure}", file=sys.stderr)
            for log in sorted(directory.glob("*.log")):
                print(f"-- {log.name}\n{log.read_text()[-1500:]}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
