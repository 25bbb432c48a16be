"""Too little memory: rows are refused, questions go on, the process lives, nothing is lost.

By --memory-limit, which refuses in good time; and by a limit of the address space (RLIMIT_AS) that
a running server is given, so that allocations fail wherever they are.
"""
import os
import resource
import shutil
import time

import muster_client
import workload

LIMIT_MIB = 64
ROWS = 2_000
BATCHES_MAX = 400
# The heap may hold some hundred MiB of addresses that it has not used: so many fill those too.
ROOM_BATCHES_MAX = 3_000
ROOM_MIB_MAX = 96
QUESTIONS = 20
STOP_SECONDS_MAX = 10


def batch(number):
    return workload.noisy_profiles(number, ROWS, 60)


def send(client, number):
    return client.post('/v1/profiles', workload.ndjson(batch(number)), workload.NDJSON)


def hold(torture, client, wanted, when):
    """All and only what was acknowledged; `wanted` is a set of counts that are right."""
    found = client.count('everyone')
    torture.model.questions += 1
    if found not in wanted:
        torture.tell(f'{when} there are {found} people, and {sorted(wanted)} were acknowledged')


def by_limit(torture, folder):
    limited = [] if torture.asked.sabotage else ['--memory-limit', f'{LIMIT_MIB}MiB']
    with muster_client.Server(folder, binary=torture.asked.binary, options=limited) as server:
        client = server.client()
        client.put('/v1/schema', workload.SCHEMA)
        taken, refused = until_refused(torture, client)
        if refused is None:
            torture.tell(f'{taken} people did not fill {LIMIT_MIB} MiB')
            return
        if refused.status != 507 or not refused.headers.get('Retry-After'):
            torture.tell(f'above its limit the server answered {refused.status} '
                         f'{refused.problem()}, Retry-After {refused.headers.get("Retry-After")}')
        for _ in range(QUESTIONS):
            hold(torture, client, {taken}, 'with the memory full')
        began = time.monotonic()
        if server.stop() != 0 or time.monotonic() - began > STOP_SECONDS_MAX:
            torture.tell('with the memory full the server did not end well')
    with muster_client.Server(folder, binary=torture.asked.binary, options=limited) as server:
        hold(torture, server.client(), {taken}, 'after a start with the memory full')
        if send(server.client(), BATCHES_MAX).status != 507:
            torture.tell('after a start with the memory full rows were taken')
    with muster_client.Server(folder, binary=torture.asked.binary) as server:
        if send(server.client(), BATCHES_MAX).status != 200:
            torture.tell('with memory again rows were refused')
        hold(torture, server.client(), {taken + ROWS}, 'with memory again')


def until_refused(torture, client):
    taken = 0
    for number in range(BATCHES_MAX):
        answer = send(client, number)
        if answer.status != 200:
            return taken, answer
        taken += ROWS
        torture.model.acknowledged += 1
    return taken, None


def virtual_bytes(process):
    with open(f'/proc/{process.pid}/statm', encoding='ascii') as stream:
        return int(stream.read().split()[0]) * resource.getpagesize()


def by_address_space(torture, folder, number):
    """Allocations fail in a server that knows of no limit."""
    with muster_client.Server(folder, binary=torture.asked.binary) as server:
        client = server.client()
        client.put('/v1/schema', workload.SCHEMA)
        for first in range(3):
            send(client, ROOM_BATCHES_MAX + first)
        room = torture.random.randint(1, ROOM_MIB_MAX) << 20
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        limit = virtual_bytes(server.process) + room
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        taken, under_way = 3 * ROWS, 0
        for at in range(ROOM_BATCHES_MAX):
            answer = attempt(lambda at=at: send(client, at))
            if answer is not None and answer.status == 200:
                taken += ROWS
                continue
            under_way = ROWS
            if answer is None or answer.status in (500, 503, 507):
                break
            torture.tell(f'without memory rows were answered {answer.status} {answer.problem()}')
        for _ in range(QUESTIONS):
            attempt(lambda: client.count('everyone'))
        if not server.alive():
            torture.tell(f'round {number}, {room >> 20} MiB of room: the server ended with '
                         f'{server.process.returncode}: {server.log_tail()[-300:]}')
            return
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, unlimited)
        if under_way == 0:
            torture.tell(f'round {number}: {room >> 20} MiB of room were enough for all rows')
        hold(torture, server.client(), {taken, taken + under_way}, 'with memory again, at once,')
        server.kill()
    with muster_client.Server(folder, binary=torture.asked.binary) as server:
        hold(torture, server.client(), {taken, taken + under_way}, 'after a start with memory')
        if send(server.client(), 2 * ROOM_BATCHES_MAX).status != 200:
            torture.tell('after a start with memory rows are refused')


def attempt(call):
    """What it returns; None when the server could not answer."""
    try:
        return call()
    except (*workload.GONE, muster_client.ServerFailed):
        return None


def run(torture):
    for number in range(1, torture.asked.count + 1):
        folder = f'{torture.data}.memory'
        for part in (by_limit, lambda t, f, at=number: by_address_space(t, f, at)):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            part(torture, folder)
            if torture.broken:
                return
