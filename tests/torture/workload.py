"""Load on a server that will be broken, and what it must still know afterwards.

Every writer has people of its own, so that only its own last request can be under way when the
server dies. An acknowledged request has happened. One under way is whole or absent, until it is
sent again and acknowledged; then it has happened once.
Thread safety: a Model belongs to the thread that checks it, but while a Load runs.
"""
import http.client
import json
import random
import signal
import sys
import threading
import os

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))), 'tools'))
import muster_client  # noqa: E402

CUT_SIGNAL = signal.SIGUSR1
WRITERS = 2
PEOPLE_PER_WRITER = 60
ROWS_MAX = 12
CHECKPOINT_SECONDS = 0.1
CHECKPOINTS_PER_COMPACTION = 3
CHECKPOINTS_PER_ROTATION = 4
EVENTS_PER_PERSON_MAX = 40
NDJSON = {'Content-Type': 'application/x-ndjson'}
GONE = (OSError, http.client.HTTPException)
SCHEMA = {
    'profiles': {'id': 'profile_id'},
    'events': {'profile': 'profile_id', 'name': 'type', 'time': 'ts', 'id': 'event_id'},
    'fields': {'profiles.left': {'type': 'int64'}, 'profiles.right': {'type': 'int64'}},
}


def ndjson(rows):
    return ''.join(json.dumps(row) + '\n' for row in rows).encode()


def noisy_profiles(number, count, noise_bytes):
    """Profiles of batch `number`, with texts that nothing makes much smaller."""
    noise = random.Random(number)
    return [{'profile_id': f'p{number}-{i}', 'left': number, 'right': number,
             'text': noise.randbytes(noise_bytes).hex()} for i in range(count)]


class Write:
    """One request and what it does to the model when it happens."""

    def __init__(self, method, path, body, headers, happen):
        self.method, self.path, self.body, self.headers = method, path, body, headers
        self.happen = happen  # Called with the State of the writer.

    def send(self, client):
        return client.request(self.method, self.path, self.body, self.headers)


class State:
    """What one writer's people have: their last numbers, events, erasures, segments."""

    def __init__(self):
        self.numbers = {}   # By person: of those who exist.
        self.events = {}    # By person.
        self.erased = set()
        self.segments = {}  # By id: the text.

    def copy(self):
        made = State()
        made.numbers, made.events = dict(self.numbers), dict(self.events)
        made.erased, made.segments = set(self.erased), dict(self.segments)
        return made

    def give(self, people, number):
        for person in people:
            self.numbers[person] = number
            self.events.setdefault(person, 0)

    def add_events(self, people):
        for person in people:
            self.events[person] += 1

    def erase(self, person):
        self.erased.add(person)
        self.numbers.pop(person, None)
        self.events.pop(person, None)

    def put(self, segment, text):
        self.segments[segment] = text


class Writer:
    """Makes up the requests of one writer, and remembers those that are under way."""

    def __init__(self, name, seed):
        self.name = name
        self.random = random.Random(seed)
        self.state = State()
        self.under_way = []   # At most one, but after a failed sync.
        self.count = 0

    def next_write(self):
        self.count += 1
        chosen = self.random.random()
        existing = sorted(self.state.numbers)
        if chosen < 0.45 or len(existing) < 5:
            return self.some_profiles()
        if chosen < 0.85:
            return self.some_events(existing)
        if chosen < 0.92:
            return self.erasure(existing)
        return self.segment()

    def some_profiles(self):
        free = [f'{self.name}{i}' for i in range(PEOPLE_PER_WRITER)
                if f'{self.name}{i}' not in self.state.erased]
        people = self.random.sample(free, min(len(free), self.random.randint(1, ROWS_MAX)))
        number = self.count
        rows = [{'profile_id': person, 'left': number, 'right': number} for person in people]
        return Write('POST', '/v1/profiles', ndjson(rows), NDJSON,
                     lambda state: state.give(people, number))

    def some_events(self, existing):
        people = [person for person in self.random.choices(existing,
                                                           k=self.random.randint(1, ROWS_MAX))
                  if self.state.events[person] + ROWS_MAX < EVENTS_PER_PERSON_MAX]
        if not people:
            return self.some_profiles()
        rows = [{'event_id': f'{self.name}-{self.count}-{i}', 'profile_id': person, 'type': 'hit',
                 'ts': '2024-05-01T10:00:00Z'} for i, person in enumerate(people)]
        return Write('POST', '/v1/events', ndjson(rows), NDJSON,
                     lambda state: state.add_events(people))

    def erasure(self, existing):
        if len(self.state.erased) > PEOPLE_PER_WRITER // 2:
            return self.some_profiles()
        person = self.random.choice(existing)
        return Write('DELETE', f'/v1/profiles/{person}', None, None,
                     lambda state: state.erase(person))

    def segment(self):
        name = f'{self.name}_segment{self.random.randrange(3)}'
        text = f'left >= {self.count}'
        return Write('PUT', f'/v1/segments/{name}', {'where': text}, None,
                     lambda state: state.put(name, text))

    def possible_states(self):
        """What may be there: any beginning of what is under way has happened."""
        states = [self.state]
        for write in self.under_way:
            states.append(states[-1].copy())
            write.happen(states[-1])
        return states


class Model:
    """What was acknowledged over all rounds."""

    def __init__(self, seed):
        self.writers = [Writer('ab'[i], seed + i) for i in range(WRITERS)]
        self.acknowledged = 0
        self.questions = 0
        self.checkpoints = 0
        self.compactions = 0
        self.rotations = 0
        self.is_declared = False

    def declare(self, client):
        """The schema, until it was acknowledged once."""
        if self.is_declared:
            return
        answer = client.put('/v1/schema', SCHEMA)
        self.is_declared = answer.status in (200, 204)
        if not self.is_declared and answer.status not in (503, 507):
            raise muster_client.ServerFailed(f'PUT /v1/schema: {answer.status} {answer.problem()}')

    def resend(self, url):
        """Sends again what was under way. Returns how many requests."""
        client = muster_client.Client(url)
        self.declare(client)
        sent = 0
        for writer in self.writers:
            for write in writer.under_way:
                answer = write.send(client)
                if answer.status not in (200, 201, 202, 204, 404):
                    raise muster_client.ServerFailed(f'{write.method} {write.path}, sent again: '
                                                     f'{answer.status} {answer.problem()}')
                write.happen(writer.state)
                sent += 1
            writer.under_way = []
        client.close()
        return sent

    def problems_of(self, url):
        """Sentences about what the server lost, made up or counted twice; none when it is right."""
        client = muster_client.Client(url)
        self.declare(client)
        numbers = numbers_of(client)
        events = events_of(client)
        problems = []
        for writer in self.writers:
            own = {person: pair for person, pair in numbers.items() if person[0] == writer.name}
            own_events = {person: n for person, n in events.items() if person[0] == writer.name}
            segments = segments_of(client, writer)
            found = [difference(state, own, own_events, segments)
                     for state in writer.possible_states()]
            if all(found):
                problems.append(f'writer {writer.name}: {found[0]}')
        problems += disagreements(client)
        problems += stream_problems(client)
        client.close()
        return problems


def difference(state, numbers, events, segments):
    """One sentence about the first thing that is not as the state has it; '' when all is."""
    for person, pair in sorted(numbers.items()):
        if person not in state.numbers:
            erased = 'was erased' if person in state.erased else 'was never sent'
            return f'{person} {erased} and is there'
        if pair != (state.numbers[person], state.numbers[person]):
            return f'{person} has {pair}, and was last given {state.numbers[person]}'
    for person, number in sorted(state.numbers.items()):
        if person not in numbers:
            return f'{person} was given {number} and is not there'
    for person, count in sorted(state.events.items()):
        if events.get(person, 0) != count:
            return f'{person} has {events.get(person, 0)} events, and {count} were acknowledged'
    for name, text in sorted(state.segments.items()):
        if segments.get(name) != text:
            return f'segment {name} is {segments.get(name)}, and was last {text}'
    return ''


def numbers_of(client):
    """By person, the two numbers that are always written together."""
    answer = client.post('/v1/members', {'where': 'everyone', 'fields': ['left', 'right']})
    if answer.status == 404:
        return {}  # Nothing has been sent so far: there are no such fields.
    if answer.status != 200:
        raise muster_client.ServerFailed(f'members: {answer.status} {answer.problem()}')
    return {row['profile_id']: (row.get('left'), row.get('right')) for row in answer.lines()}


def events_of(client):
    """By person, how many events they have."""
    found = {}
    for count in range(1, EVENTS_PER_PERSON_MAX + 1):
        where = {'where': f'count("hit") = {count}', 'allow_unknown': True}
        answer = client.post('/v1/members', where)
        if answer.status != 200:
            raise muster_client.ServerFailed(f'members: {answer.status} {answer.problem()}')
        for row in answer.lines():
            found[row['profile_id']] = count
    return found


def segments_of(client, writer):
    found = {}
    for number in range(3):
        name = f'{writer.name}_segment{number}'
        answer = client.get(f'/v1/segments/{name}')
        if answer.status == 200:
            found[name] = answer.json()['where']
    return found


def disagreements(client):
    """What may never be: halves of a batch, and parts that do not add up to the whole."""
    problems = []
    for where in ('left != right', 'left is present and right is missing'):
        answer = client.post('/v1/count', {'where': where, 'allow_unknown': True})
        if answer.status == 200 and answer.json()['count'] != 0:
            problems.append(f'{answer.json()["count"]} people have {where}')
    answer = client.post('/v1/count', {'where': 'did "hit" or did not "hit"', 'nodes': True,
                                       'allow_unknown': True})
    if answer.status == 200:
        said = answer.json()
        parts = sum(child['count'] for child in said['nodes']['children'])
        if parts != said['universe'] or said['count'] != said['universe']:
            problems.append(f'x and not x are {parts} of {said["universe"]} people')
    return problems


def changes_of(client):
    """All rows of the change stream."""
    rows, offset = [], 1
    while True:
        answer = client.get(f'/v1/changes?from={offset}&limit=100000')
        if answer.status != 200:
            raise muster_client.ServerFailed(f'changes: {answer.status} {answer.problem()}')
        rows += answer.lines()
        if offset == int(answer.headers['X-Next-Offset']):
            return rows
        offset = int(answer.headers['X-Next-Offset'])


def stream_problems(client):
    """The change stream, replayed from its first row, is who is in each saved segment."""
    problems, members = [], {}
    for number, row in enumerate(changes_of(client), 1):
        if row['offset'] != number:
            return [f'row {number} of the change stream has the offset {row["offset"]}']
        person = row['profile_id']
        if person is None:
            continue  # Erased and forgotten; they left, too.
        inside = members.setdefault(row['segment'], set())
        if (row['change'] == 'entered') == (person in inside):
            problems.append(f'row {number}: {person} {row["change"]} {row["segment"]} twice')
        if row['change'] == 'entered':
            inside.add(person)
        else:
            inside.discard(person)
    for segment in client.get('/v1/segments?limit=1000').json()['items']:
        answer = client.get(f'/v1/segments/{segment["id"]}/members')
        if answer.status != 200:
            continue  # A field that it names is not there yet: nobody is in it.
        people = {row['profile_id'] for row in answer.lines()}
        told = members.get(segment['id'], set())
        if people != told:
            problems.append(f'{len(people ^ told)} people of segment {segment["id"]} are not told '
                            'of by the change stream')
    return problems[:10]


class Load:
    """Two writers, a reader, checkpoints, compactions, rotations: for as long as a `with` lasts."""

    def __init__(self, model, url):
        self.model = model
        self.url = url
        self.problems = []
        self._ending = threading.Event()
        self._refused = [False] * WRITERS
        self._mutex = threading.Lock()  # Guards the numbers of the model, and problems.
        self._threads = [threading.Thread(target=self._write, args=(i,)) for i in range(WRITERS)]
        self._threads.append(threading.Thread(target=self._read))
        self._threads.append(threading.Thread(target=self._take_checkpoints))

    def __enter__(self):
        try:
            client = muster_client.Client(self.url)
            self.model.declare(client)
            client.close()
        except GONE:
            pass  # It died of it: the check declares again.
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def all_refused(self):
        """Whether every writer has been refused, or has lost the server."""
        return all(self._refused)

    def _write(self, number):
        writer = self.model.writers[number]
        client = muster_client.Client(self.url)
        while not self._ending.is_set():
            write = writer.next_write()
            try:
                answer = write.send(client)
            except GONE:
                writer.under_way.append(write)
                break
            if answer.status in (200, 201, 202, 204):
                write.happen(writer.state)
                with self._mutex:
                    self.model.acknowledged += 1
            else:
                self._note_refusal(write, answer)
                writer.under_way.append(write)
                break
        self._refused[number] = True
        client.close()

    def _note_refusal(self, write, answer):
        """Only a broken disk may refuse: that is 503 or 507."""
        if answer.status in (503, 507):
            return
        with self._mutex:
            self.problems.append(f'{write.method} {write.path} was refused with {answer.status}: '
                                 f'{answer.problem()}')

    def _take_checkpoints(self):
        client = muster_client.Client(self.url)
        number = 0
        while not self._ending.wait(CHECKPOINT_SECONDS):
            number += 1
            path = '/v1/compact' if number % CHECKPOINTS_PER_COMPACTION == 0 else '/v1/checkpoint'
            if number % CHECKPOINTS_PER_ROTATION == 1:
                path = '/v1/encryption/rotate'
            try:
                answer = client.post(path, {})
            except GONE:
                break
            done = answer.status in (200, 202)
            # A rotation: one is under way, or the data are plain.
            allowed = (202, 409, 422) if path == '/v1/encryption/rotate' else (200,)
            with self._mutex:
                self.model.checkpoints += done and path == '/v1/checkpoint'
                self.model.compactions += done and path == '/v1/compact'
                self.model.rotations += done and path == '/v1/encryption/rotate'
                if answer.status not in (*allowed, 503, 507):
                    self.problems.append(f'{path} was refused with {answer.status}: '
                                         f'{answer.problem()}')
        client.close()

    def _read(self):
        client = muster_client.Client(self.url)
        while not self._ending.is_set():
            try:
                found = disagreements(client)
            except GONE:
                break
            with self._mutex:
                self.model.questions += 3
                self.problems += found
        client.close()
