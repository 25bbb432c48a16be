"""The exporter killed again and again while the receiver misbehaves: everybody once, in order.

`hostile_receiver.py` answers by scripts drawn at random, and logs each delivery before it answers.
Servers are killed at a random moment, or at the n-th sync of the disk. Whatever arrived is then
held to the promises: one id and one body for all attempts of a batch; an acknowledged one again
only where a kill lies between; nobody in two batches at once, nor behind a later one; valid
signatures; no address inside; and, once the faults are over, exactly the people of the segment.
Some are erased meanwhile: none of them is left, and every removal that was owed is confirmed.
"""
import importlib.util
import json
import os
import random
import subprocess
import sys
import time

import muster_client
import relay
import workload

SECRETS = ('whsec_dG9ydHVyZS10ZXN0LXNlY3JldC0wMDAwMDAwMDAwMDA=',
           'whsec_dG9ydHVyZS10ZXN0LXNlY3JldC0xMTExMTExMTExMTE=')
SHARED = os.environ.get('MUSTER_SHARED') or os.path.join(
    os.path.dirname(muster_client.ROOT), 'shared')
RECEIVER = os.path.join(SHARED, 'tools', 'hostile_receiver.py')
FAULTS = ('500', '429:1', '429:junk', '503:date+1', '302:canary', '302:private', 'hang', 'drip:0.2',
          'reset', 'reset-early', 'reset-mid', 'lost-ack', 'close', 'short', 'bad-chunk', 'garbage',
          'dup-length', 'long', 'no-length', 'continue:3', 'big-body:1000000', 'big-header:60000',
          'many-headers:2000', 'gzip-bomb:10000000', '410', '200')
PEOPLE = 300
CHANGED_EACH_ROUND = 40
ERASED_EACH_ROUND_MAX = 2
ERASED_MAX = 100
ROUND_SECONDS_MAX = 1.2
SYNC_MAX = 120
AFTER_FAULTS_SECONDS = 60
RECEIVER_SECONDS_MAX = 20
ENDED = ('finished', 'incomplete', 'failed')
SYNC = '/v1/syncs/pro-hook'


class Receiver:
    """The scripted receiver as a process, and its log."""

    def __init__(self, folder):
        self.log = os.path.join(folder, 'seen.ndjson')
        ready = os.path.join(folder, 'receiver.json')
        self.process = subprocess.Popen(
            [sys.executable, RECEIVER, '--log', self.log, '--ready-file', ready, '--max-hold', '3',
             '--secret', SECRETS[0], '--secret', SECRETS[1], '--items', '/members/*/id',
             '--keep-bodies'], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + RECEIVER_SECONDS_MAX
        while not os.path.exists(ready):
            if time.monotonic() > deadline:
                self.close()
                raise SystemExit('torture: the receiver does not start')
            time.sleep(0.05)
        with open(ready, encoding='utf-8') as stream:
            self.port = json.load(stream)['port']

    def close(self):
        self.process.terminate()
        self.process.wait(RECEIVER_SECONDS_MAX)

    def records(self):
        """Deliveries in the order they came, as corrected later on, and all other events."""
        spec = importlib.util.spec_from_file_location('hostile_receiver', RECEIVER)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        merged = module.merge_amendments(module.read_log(self.log))
        deliveries = [entry for entry in merged if entry.get('event') == 'delivery']
        others = [entry for entry in merged if entry.get('event') != 'delivery']
        return sorted(deliveries, key=lambda entry: entry['t']), others

    def check(self, path, *options):
        """What the receiver's own checker finds about one path."""
        done = subprocess.run([sys.executable, RECEIVER, 'check', self.log, '--path', path,
                               *options], capture_output=True, text=True, check=False)
        return [] if done.returncode == 0 else [f'{path}: {line}' for line in
                                                (done.stderr or done.stdout).splitlines()[:5]]


class Deliveries:
    """One data directory, the people in it, and what became of them."""

    def __init__(self, torture, folder):
        self.torture = torture
        self.random = random.Random(torture.random.randrange(1 << 30))
        self.receiver = Receiver(folder)
        self.relay = relay.Relay(self.receiver.port, torture.asked.sabotage)
        self.folder = os.path.join(folder, 'exported')
        self.plans = {}
        self.kills = []  # When, by the receiver's clock.
        self.runs = 0
        self.erased = set()  # Also those of whom the server died before it said so.

    def close(self):
        self.relay.close()
        self.receiver.close()

    def server(self, fault=None):
        environment = {}
        if fault:
            environment = {'LD_PRELOAD': self.torture.shim('disk_shim'), 'MUSTER_DISK': fault}
        return muster_client.Server(self.folder, binary=self.torture.asked.binary,
                                    options=['--allow-destination', '127.0.0.1/32'],
                                    environment=environment)

    def url(self, scope, steps, name):
        port = self.relay.port if self.torture.asked.sabotage else self.receiver.port
        return f'http://127.0.0.1:{port}/{scope}/{steps}/{name}'

    def destination(self, url, **more):
        return {'kind': 'webhook', 'url': url, 'secret': SECRETS[0], 'batch_size': 20,
                'retry_schedule_ms': [0, 20, 40, 80], 'max_attempts': 100, 'timeout_ms': 1500,
                **more}

    def define(self, client, destination):
        """Destination, segment and sync, as far as they are not there."""
        expect(client.put('/v1/destinations/hook', destination))
        if client.get('/v1/segments/pro').status != 200:
            expect(client.put('/v1/segments/pro', {'where': 'plan = "pro"', 'name': 'Pro'}))
        if client.get(SYNC).status != 200:
            expect(client.put(SYNC, {'segment': 'pro', 'destination': 'hook', 'mode': 'diff',
                                     'mapping': {'mail': 'email'}, 'schedule': 'manual'}))

    def load(self, client):
        expect(client.put('/v1/schema', {'profiles': {'id': 'profile_id'}}))
        self.change(client, range(PEOPLE))

    def change(self, client, people):
        rows = []
        for number in people:
            if f'p{number}' in self.erased:
                continue
            plan = self.random.choice(('pro', 'pro', 'free'))
            rows.append({'profile_id': f'p{number}', 'plan': plan,
                         'email': f'p{number}-{self.random.randrange(3)}@example.com'})
        expect(client.post('/v1/profiles', workload.ndjson(rows), dict(workload.NDJSON)))

    def erase(self, client):
        """Some people, while deliveries with them are under way."""
        for _ in range(self.random.randint(0, ERASED_EACH_ROUND_MAX)):
            if len(self.erased) == ERASED_MAX:
                return
            person = f'p{self.random.randrange(PEOPLE)}'
            self.erased.add(person)
            client.delete(f'/v1/profiles/{person}')

    def round(self, number):
        """Some change, a run is asked for, and the server dies. Says how."""
        sync = self.random.randint(1, SYNC_MAX)
        fault = f'kill:{sync}' if self.random.random() < 0.5 else None
        server = self.server(fault)
        try:
            client = server.start().client()
            steps = ','.join(self.random.choice(FAULTS) for _ in range(self.random.randint(1, 4)))
            self.define(client, self.destination(
                self.url('m', steps + ',200', f'round{number}'),
                concurrency=self.random.choice((1, 2, 8)), gzip=False))
            self.change(client, self.random.sample(range(PEOPLE), CHANGED_EACH_ROUND))
            self.runs += client.post(f'{SYNC}/run', {}).status == 202
            deadline = time.monotonic() + self.random.uniform(0.02, ROUND_SECONDS_MAX)
            time.sleep(self.random.uniform(0, 0.1))
            self.erase(client)
            while server.alive() and time.monotonic() < deadline:
                time.sleep(0.005)
            self.expect_sums(client if server.alive() else None)
        except (muster_client.ServerFailed, *workload.GONE):
            pass  # Killed at that sync.
        finally:
            self.kills.append(time.time())
            server.kill()
            self.kills.append(time.time())
        return fault or 'kill'

    def expect_sums(self, client):
        if client is None:
            return
        for run in client.get(f'{SYNC}/runs').json()['items']:
            if not run['counts']['adds_up']:
                self.torture.tell(f'a ledger does not add up: {run["line"]}')

    def finish(self, client, seconds):
        """Runs until nothing is left; returns the last run."""
        deadline = time.monotonic() + seconds
        asked = None
        while time.monotonic() < deadline:
            items = client.get(f'{SYNC}/runs').json()['items']
            newest = items[0] if items else None
            if asked and newest['run'] == asked and newest['state'] in ENDED:
                return newest
            if asked is None:
                answer = client.post(f'{SYNC}/run', {})
                asked = answer.json()['run'] if answer.status == 202 else None
            time.sleep(0.05)
        return newest

    def expect_removed(self, client):
        """Every removal that was owed to somebody who was erased is confirmed, or soon."""
        deadline = time.monotonic() + AFTER_FAULTS_SECONDS
        for person in sorted(self.erased):
            while True:
                answer = client.get(f'/v1/profiles/{person}/erasure')
                owed = answer.json()['destinations'] if answer.status == 200 else []
                if all(one['state'] != 'pending' for one in owed) or time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            for one in owed:
                if one['state'] != 'confirmed':
                    self.torture.tell(f'the removal of {person} is {one["state"]}: '
                                      f'{one["reason"]}')

    def end_well(self):
        """The faults are over: a minute later the destination has the segment."""
        with self.server() as server:
            client = server.client()
            self.define(client, self.destination(self.url('m', '200', 'end')))
            for person in sorted(self.erased):
                client.delete(f'/v1/profiles/{person}')
            run = self.finish(client, AFTER_FAULTS_SECONDS)
            self.expect_removed(client)
            self.expect_sums(client)
            if not run or run['state'] != 'finished' or run['counts']['pending']:
                self.torture.tell(f'the last run does not end: {run}')
            wanted = set(client.members('plan = "pro"'))
            if wanted & self.erased:
                self.torture.tell(f'who was erased is back: {sorted(wanted & self.erased)[:5]}')
        deliveries, others = self.receiver.records()
        for problem in problems_of(deliveries, others, wanted, self.kills):
            self.torture.tell(problem)
        return len(deliveries)


def expect(answer):
    if answer.status not in (200, 201, 202, 204):
        raise muster_client.ServerFailed(f'{answer.status} {answer.problem()}')


def problems_of(deliveries, others, wanted, kills):
    """Sentences about what must not be in the receiver's log."""
    yield from about_messages(deliveries, kills)
    yield from about_order(deliveries)
    yield from about_people(deliveries, wanted)
    for entry in deliveries:
        if entry.get('sig') != 'ok' and entry.get('body_len') is not None:
            yield f'signature {entry.get("sig")} on {entry["id"]}'
        if entry['trap'] or entry['tainted']:
            yield f'{entry["id"]} followed a redirect or used a connection with surplus bytes'
    if any(entry.get('event') == 'canary' for entry in others):
        yield 'an internal address was contacted'


def about_messages(deliveries, kills):
    """One body an id; after an acknowledgement only where a kill lies between."""
    bodies, acked = {}, {}
    for entry in deliveries:
        digest = entry.get('body_sha256')
        if digest and bodies.setdefault(entry['id'], digest) != digest:
            yield f'{entry["id"]} came with two bodies'
        before = acked.get(entry['id'])
        if before is not None and not any(before <= kill <= entry['t'] for kill in kills):
            yield f'{entry["id"]} came again after it was acknowledged'
        if entry['outcome'] == 'acked':
            acked[entry['id']] = entry['t']


def about_order(deliveries):
    """The batches of a person come one behind the other: never back to an earlier one."""
    newest, before = {}, {}
    for entry in deliveries:
        for person in members_of(entry):
            if newest.get(person) == entry['id']:
                continue
            if entry['id'] in before.setdefault(person, set()):
                yield f'{person} was sent in {entry["id"]} behind a later batch'
            if person in newest:
                before[person].add(newest[person])
            newest[person] = entry['id']


def members_of(entry):
    if not entry.get('body'):
        return []
    try:
        return [member['id'] for member in json.loads(entry['body'])['members']]
    except (ValueError, KeyError):
        return []


def about_people(deliveries, wanted):
    """Whom the receiver has, by what it acknowledged, against the segment."""
    people, taken = set(), set()
    for entry in deliveries:
        if entry['outcome'] != 'acked' or entry['id'] in taken:
            continue
        taken.add(entry['id'])
        body = json.loads(entry['body'])
        ids = {member['id'] for member in body['members']}
        people = people - ids if body['operation'] == 'remove' else people | ids
    if people != wanted:
        yield (f'the receiver has {len(people)} people, and there are {len(wanted)}: '
               f'{sorted(people ^ wanted)[:5]}')


# What holds without kills: by the receiver's own checker.
CALM = (('m', '500*3,200', 'backoff', {'batch_size': 1000}, ['--growing-backoff']),
        ('m', '429:1,503:date+1,200', 'peace', {'concurrency': 4}, []),
        ('m', 'lost-ack,reset,500,200', 'faults', {'concurrency': 8}, []),
        ('m', 'reset-mid,short,bad-chunk,302:private,200', 'cut', {'concurrency': 3}, []),
        ('q', '200*3,410,200', 'gone', {}, ['--stop-after-410']))


def calm(torture, folder):
    """No kills: no duplicates at all, peace where it is asked for, and an end at 410."""
    held = Deliveries(torture, folder)
    held.folder = os.path.join(folder, 'calm')
    try:
        with held.server() as server:
            client = server.client()
            held.load(client)
            for number, (scope, steps, name, more, options) in enumerate(CALM):
                # The secret is changed over meanwhile: the old, both, the new.
                secrets = [{'secret': SECRETS[0]},
                           {'secret': SECRETS[0], 'secret_next': SECRETS[1]},
                           {'secret': SECRETS[1]}][min(number, 2)]
                url = held.url(scope, steps, name)
                held.define(client, {**held.destination(url), **secrets,
                                     'retry_schedule_ms': [0, 50, 200, 500], **more})
                held.change(client, range(PEOPLE))
                run = held.finish(client, 30 if name != 'gone' else 3)
                if name != 'gone' and (run is None or run['state'] != 'finished'):
                    torture.tell(f'{name}: the run does not end: {run}')
                held.expect_sums(client)
                for problem in held.receiver.check(
                        f'/{scope}/{steps}/{name}', '--max-duplicates', '0',
                        '--require-signature', '--honour-retry-after', *options):
                    torture.tell(problem)
    finally:
        held.close()


def run(torture):
    if not os.path.exists(RECEIVER):
        print('torture export: not run: shared data absent', flush=True)
        return
    folder = os.path.dirname(torture.data)
    for name in ('kills', 'calm'):
        os.makedirs(os.path.join(folder, name))
    held = Deliveries(torture, os.path.join(folder, 'kills'))
    try:
        with held.server() as server:
            held.load(server.client())
        for number in range(torture.asked.count):
            held.round(number)
            if torture.broken:
                break
        torture.figures = {'deliveries': held.end_well(), 'runs': held.runs,
                           'kills': torture.asked.count, 'erased': len(held.erased)}
        print(f'{torture.figures["deliveries"]} deliveries in {held.runs} runs under '
              f'{torture.asked.count} kills, {len(held.erased)} people erased', flush=True)
    finally:
        held.close()
    if not torture.asked.sabotage:
        calm(torture, os.path.join(folder, 'calm'))
