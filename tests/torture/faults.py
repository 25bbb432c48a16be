"""One file of a stopped server is damaged: right answers, or a refusal that says why.

Every fault is of a copy of the same directory. What it held is known: a server whose answers are
wrong, or that refuses without naming a file, has broken its promise. It refuses to start, or, where
nothing but the reader of old records needs what is damaged, it refuses that reader.
"""
import os
import random
import shutil
import time

import muster_client
import workload

LOAD_SECONDS = 1.0
# Its secret is sealed with a key in a file: without that file nobody could be sent anything.
DESTINATION = {'kind': 'webhook', 'url': 'https://example.com/hook',
               'secret': 'whsec_dG9ydHVyZS10ZXN0LXNlY3JldC0wMDAwMDAwMDAw'}
# Its content says nothing: it is there to be locked.
WITHOUT_CONTENT = ('LOCK',)


def load(torture):
    """A server under load for a while, then stopped; what was under way has happened."""
    with torture.server() as server:
        with workload.Load(torture.model, server.url) as under_load:
            time.sleep(LOAD_SECONDS)
        for problem in under_load.problems:
            torture.tell(problem)
        torture.model.resend(server.url)
        answer = server.client().put('/v1/destinations/hook', DESTINATION)
        if answer.status not in (200, 201):
            raise muster_client.ServerFailed(f'PUT /v1/destinations/hook: {answer.status} '
                                             f'{answer.problem()}')
        code = server.stop()
        if code != 0:
            torture.tell(f'the server was asked to end, and ended with {code}')


def files_of(folder):
    found = []
    for place, _, names in os.walk(folder):
        found += [os.path.join(place, name) for name in names if name not in WITHOUT_CONTENT]
    return sorted(os.path.relpath(path, folder) for path in found)


def flip(path, choice):
    with open(path, 'r+b') as stream:
        content = bytearray(stream.read())
        at = choice.randrange(len(content))
        content[at] ^= 1 << choice.randrange(8)
        stream.seek(0)
        stream.write(content)
    return f'bit flipped at byte {at}'


def cut(path, choice):
    size = choice.randrange(os.path.getsize(path))
    os.truncate(path, size)
    return f'cut to {size} bytes'


def remove(path, _choice):
    os.remove(path)
    return 'missing'


def break_one(folder, older, choice):
    """Does one fault to the directory. Returns what and to which file."""
    names = [name for name in files_of(folder) if os.path.getsize(os.path.join(folder, name))]
    name = choice.choice(names)
    path = os.path.join(folder, name)
    kind = choice.choice(['flip', 'flip', 'cut', 'remove', 'swap', 'stale'])
    if kind == 'swap':
        other = choice.choice([each for each in names if each != name])
        swapped = os.path.join(folder, other)
        os.rename(path, path + '.swap')
        os.rename(swapped, path)
        os.rename(path + '.swap', swapped)
        return f'{name} swapped with {other}'
    was = os.path.join(older, name)
    if kind == 'stale' and os.path.exists(was):
        shutil.copy2(was, path)
        return f'{name}: an older one'
    done = {'flip': flip, 'cut': cut, 'remove': remove}.get(kind, flip)(path, choice)
    return f'{name}: {done}'


def drop_someone(torture, folder):
    """Erases somebody by the front door: no checksum tells."""
    server = muster_client.Server(folder, binary=torture.asked.binary)
    with server:
        person = sorted(torture.model.writers[0].state.numbers)[0]
        server.client().delete(f'/v1/profiles/{person}')
        server.stop()
    return f'{person} erased'


def outcome(torture, folder):
    """'right' or 'refused', and '' or a sentence about what is wrong."""
    server = muster_client.Server(folder, binary=torture.asked.binary)
    if os.path.exists(server.log_path):
        os.remove(server.log_path)  # What an earlier one said is no sentence of this one.
    try:
        with server:
            problems = torture.model.problems_of(server.url)
            return 'right', problems[0] if problems else ''
    except muster_client.ServerFailed as failed:
        text = str(failed)
        ended = 'ended with' in text and 'ended with -' not in text
        told = ended or ': 500 the log in ' in text
        named = f'{folder}/' in text and told
        return 'refused', '' if named else f'refused without naming a file: {text}'


def run(torture):
    choice = random.Random(torture.asked.seed)
    older = torture.data + '.older'
    load(torture)
    shutil.copytree(torture.data, older)
    load(torture)
    seen = {'right': 0, 'refused': 0}
    unharmed = outcome(torture, torture.data)
    if unharmed != ('right', ''):
        torture.tell(f'without any fault: {unharmed}')
    for number in range(1, torture.asked.count + 1):
        folder = f'{torture.data}.fault'
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(torture.data, folder)
        if torture.asked.sabotage:
            what = drop_someone(torture, folder)
        else:
            what = break_one(folder, older, choice)
        how, problem = outcome(torture, folder)
        seen[how] += 1
        if problem:
            torture.tell(f'fault {number}, {what}: {problem}')
    if seen['right'] == 0:
        torture.tell('no fault at all was answered rightly, and some hurt nothing')
    torture.figures.update(seen)
    print(f'faults: {seen["right"]} answered rightly, {seen["refused"]} refused')
