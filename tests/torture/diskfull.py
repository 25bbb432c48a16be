"""A full disk: writes are refused with 507, questions go on, and space makes it whole again."""
import os
import subprocess
import time

import muster_client
import workload

TMPFS_MIB = 256
ROWS = 2_000
BATCHES_MAX = 2_000
RECOVERY_SECONDS_MAX = 5.0


def batch(number):
    return workload.noisy_profiles(number, ROWS, 200)


def run(torture):
    if not mount(torture.data):
        print('diskfull: not run: a file system of its own cannot be mounted here')
        return
    try:
        fill(torture)
    finally:
        subprocess.run(['umount', '-l', torture.data], check=False)


def mount(folder):
    """Whether a small file system of its own stands there now."""
    done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={TMPFS_MIB}m', 'none', folder],
                          check=False, capture_output=True)
    return done.returncode == 0


def people(client):
    return client.count('everyone')


def fill(torture):
    folder = os.path.join(torture.data, 'muster')
    os.makedirs(folder)
    ballast = os.path.join(torture.data, 'ballast')
    with open(ballast, 'wb') as stream:
        stream.write(b'\0' * (24 << 20))
    taken = until_full(torture, folder)
    if taken is None:
        return
    with muster_client.Server(folder, binary=torture.asked.binary) as server:
        hold(torture, server.client(), taken, 'after a kill and a start on the full disk')
        os.remove(ballast)
        recover(torture, server.client(), taken)
    with muster_client.Server(folder, binary=torture.asked.binary) as server:
        hold(torture, server.client(), taken + ROWS, 'after a kill with space again')


def until_full(torture, folder):
    """Rows until the disk is full. Returns how many were acknowledged; None: it never was."""
    with muster_client.Server(folder, binary=torture.asked.binary) as server:
        client = server.client()
        client.put('/v1/schema', workload.SCHEMA)
        return send_until_refused(torture, client)


def send_until_refused(torture, client):
    taken = 0
    refused = None
    for number in range(BATCHES_MAX):
        answer = client.post('/v1/profiles', workload.ndjson(batch(number)), workload.NDJSON)
        if answer.status != 200:
            refused = answer
            break
        taken += ROWS
        torture.model.acknowledged += 1
    if torture.asked.sabotage:
        taken += ROWS
    if refused is None:
        torture.tell('the disk never was full')
        return None
    if refused.status != 507 or not refused.headers.get('Retry-After'):
        torture.tell(f'a full disk was answered with {refused.status} {refused.problem()}, '
                     f'Retry-After {refused.headers.get("Retry-After")}')
    hold(torture, client, taken, 'with the disk full')
    return taken


def hold(torture, client, wanted, when):
    found = people(client)
    torture.model.questions += 1
    if found != wanted:
        torture.tell(f'{when} there are {found} people, and {wanted} were acknowledged')


def recover(torture, client, taken):
    began = time.monotonic()
    while True:
        answer = client.post('/v1/profiles', workload.ndjson(batch(-1)), workload.NDJSON)
        if answer.status == 200:
            break
        if time.monotonic() - began > RECOVERY_SECONDS_MAX:
            torture.tell(f'5 s after there is space, rows are refused: {answer.status} '
                         f'{answer.problem()}')
            return
        time.sleep(0.1)
    hold(torture, client, taken + ROWS, 'with space again')
