"""The time of day is set back and forward under a server: now never decreases, windows move once,
nothing is lost, no timer hangs."""
import datetime
import os
import shutil
import struct
import time

import muster_client
import workload

PEOPLE = 40
WINDOW_DAYS = 7
ASKED_WHILE_BACK = 20
STOP_SECONDS_MAX = 10
WARNING_SECONDS_MAX = 1.0
DAY_SECONDS = 86_400


class Clock:
    """The clock of the servers of one round; a sabotaged one never moves."""

    def __init__(self, torture, folder):
        self.path = os.path.join(folder, 'clock')
        self.seconds = 0  # That it should be off.
        self._is_stuck = bool(torture.asked.sabotage)
        with open(self.path, 'wb') as stream:
            stream.write(struct.pack('<q', 0))

    def move_to(self, seconds):
        self.seconds = seconds
        if self._is_stuck:
            return
        with open(self.path, 'r+b') as stream:
            stream.write(struct.pack('<q', int(seconds * 1e9)))

    def now(self):
        return time.time() + self.seconds


def rfc3339(seconds):
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.isoformat(timespec='milliseconds').replace('+00:00', 'Z')


def recent(hours):
    return f'count("hit" in last {hours} hours) >= 1'


class Round:
    """One server, its clock, and what was acknowledged by it."""

    def __init__(self, torture, folder, number):
        self.torture, self.number = torture, number
        self.random = torture.random
        self.data = os.path.join(folder, 'data')
        self.clock = Clock(torture, folder)
        self.hits = {}       # By person: when, in seconds.
        self.latest = ''     # The greatest now that was answered.
        self.last_write = 0.0

    def server(self, shim):
        return muster_client.Server(self.data, binary=self.torture.asked.binary,
                                    environment={'LD_PRELOAD': shim,
                                                 'MUSTER_CLOCK': self.clock.path})

    def broken(self, sentence):
        self.torture.tell(f'round {self.number}: {sentence}')

    def hit(self, client, person, seconds):
        row = {'event_id': f'{person}-{seconds}', 'profile_id': person, 'type': 'hit',
               'ts': rfc3339(seconds)}
        answer = client.post('/v1/events', workload.ndjson([row]), workload.NDJSON)
        if answer.status != 200:
            self.broken(f'an event was refused: {answer.status} {answer.problem()}')
            return
        self.hits[person] = seconds
        self.last_write = self.clock.now()
        self.torture.model.acknowledged += 1

    def hold(self, client, now, when):
        """Everybody is there, and in the window is who should be at `now`."""
        hours = WINDOW_DAYS * 24
        inside = sorted(person for person, at in self.hits.items() if at > now - hours * 3600)
        found = sorted(client.members(recent(hours)))
        everyone = client.count('everyone')
        self.torture.model.questions += 2
        if found != inside:
            self.broken(f'{when}: {len(found)} people are in the window, and {len(inside)} should')
        if everyone != len(self.hits):
            self.broken(f'{when}: {everyone} people, and {len(self.hits)} were acknowledged')
        self.look_at_now(client, when)

    def look_at_now(self, client, when):
        as_of = client.post('/v1/count', {'where': 'everyone'}).json()['as_of']
        if '.' not in as_of:
            as_of = as_of.replace('Z', '.000Z')  # So that texts compare as times do.
        self.torture.model.questions += 1
        if as_of < self.latest:
            self.broken(f'{when}: now went back from {self.latest} to {as_of}')
        self.latest = max(self.latest, as_of)

    def load(self, client):
        client.put('/v1/schema', workload.SCHEMA)
        began = self.clock.now()
        for number in range(PEOPLE):
            # Half days: no two moments meet.
            self.hit(client, f'p{number}', began - (number % 20 + 0.5) * DAY_SECONDS)
        self.hold(client, self.clock.now(), 'at first')

    def set_back(self, client):
        """Now stands still: the window does, and what comes is taken."""
        stood_at = self.clock.now()
        self.clock.move_to(self.clock.seconds - self.random.uniform(3600, 30 * DAY_SECONDS))
        for number in range(ASKED_WHILE_BACK):
            self.look_at_now(client, 'with the clock set back')
            self.hit(client, f'back{number}', stood_at - (number + 0.5) * DAY_SECONDS)
        self.hold(client, stood_at, 'with the clock set back')
        self.wait_for_warning(client, True)

    def wait_for_warning(self, client, wanted):
        deadline = time.monotonic() + WARNING_SECONDS_MAX
        while ('warning' in client.get('/readyz').json()) != wanted:
            if time.monotonic() > deadline:
                said = 'nothing of' if wanted else 'a warning about'
                self.broken(f'/readyz says {said} the clock')
                return
            time.sleep(0.05)

    def set_forward(self, client):
        """The window moves once, and stays."""
        self.clock.move_to(self.random.randint(2, 10) * DAY_SECONDS)
        for _ in range(3):
            self.hold(client, self.clock.now(), 'with the clock set forward')
        self.wait_for_warning(client, False)
        self.hit(client, 'forward', self.clock.now())

    def start_with_clock_back(self, shim):
        """What was written with a time is not forgotten by a start with an earlier one."""
        written_at = self.last_write
        self.clock.move_to(self.clock.seconds - 1.5 * DAY_SECONDS)
        with self.server(shim) as server:
            client = server.client()
            self.latest = rfc3339(written_at - 1)
            self.hold(client, written_at, 'after a start with the clock set back')
            self.wait_for_warning(client, True)
            began = time.monotonic()
            code = server.stop()
            if code != 0 or time.monotonic() - began > STOP_SECONDS_MAX:
                self.broken(f'asked to end, the server took {time.monotonic() - began:.1f} s and '
                            f'ended with {code}')

    def run(self, shim):
        with self.server(shim) as server:
            client = server.client()
            self.load(client)
            self.set_back(client)
            self.set_forward(client)
            server.kill()
        self.start_with_clock_back(shim)


def run(torture):
    for number in range(1, torture.asked.count + 1):
        folder = f'{torture.data}.clock'
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, 'data'))
        Round(torture, folder, number).run(torture.shim('clock_shim'))
        if torture.broken:
            return
