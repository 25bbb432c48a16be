"""Every request sent up to three times, in any order, with kills between: as if sent once."""
import json
import os
import random
import shutil

import muster_client
import workload

PEOPLE = 200
ROWS = 20
REQUESTS = 60
KILLS_MAX = 3


def requests_of(choice):
    """Each person written once, events of anybody, segments: nothing hangs on the order."""
    made = []
    for first in range(0, PEOPLE, ROWS):
        rows = [{'profile_id': f'p{i}', 'left': i, 'right': i} for i in range(first, first + ROWS)]
        made.append(('POST', '/v1/profiles', rows))
    for number in range(REQUESTS):
        rows = [{'event_id': f'e{number}-{i}', 'profile_id': f'p{choice.randrange(PEOPLE)}',
                 'type': 'hit', 'ts': '2024-05-01T10:00:00Z'}
                for i in range(choice.randint(1, ROWS))]
        made.append(('POST', '/v1/events', rows))
    for number in range(5):
        made.append(('PUT', f'/v1/segments/s{number}', {'where': f'left >= {number}'}))
    return made


def send(client, request, keyed, number):
    method, path, body = request
    headers = {} if method == 'PUT' else dict(workload.NDJSON)
    if keyed and method != 'PUT':
        headers['Idempotency-Key'] = f'request-{number}'
    sent = body if method == 'PUT' else workload.ndjson(body)
    answer = client.request(method, path, sent, headers)
    if answer.status not in (200, 201, 202, 204):
        raise muster_client.ServerFailed(f'{method} {path}: {answer.status} {answer.problem()}')


def state_of(client):
    segments = {f's{n}': client.get(f'/v1/segments/s{n}').json()['where'] for n in range(5)}
    return {'numbers': workload.numbers_of(client), 'events': workload.events_of(client),
            'segments': segments}


def declare(client):
    answer = client.put('/v1/schema', workload.SCHEMA)
    if answer.status not in (200, 204):
        raise muster_client.ServerFailed(f'PUT /v1/schema: {answer.status} {answer.problem()}')


def once(torture, folder, requests):
    with muster_client.Server(folder, binary=torture.asked.binary) as server:
        client = server.client()
        declare(client)
        for number, request in enumerate(requests):
            send(client, request, False, number)
        return state_of(client)


def again(request):
    """The same events as if they were others."""
    method, path, body = request
    if path != '/v1/events':
        return request
    return method, path, [dict(row, event_id=row['event_id'] + '-again') for row in body]


def many_times(torture, folder, requests, choice):
    """In any order, each one to three times, the server killed now and then."""
    deliveries = [number for number in range(len(requests)) for _ in range(choice.randint(1, 3))]
    choice.shuffle(deliveries)
    kills = set(choice.sample(range(len(deliveries)), KILLS_MAX))
    keyed = {number for number in range(len(requests)) if choice.random() < 0.5}
    with muster_client.Server(folder, binary=torture.asked.binary) as server:
        client = server.client()
        declare(client)
        seen = set()
        for at, number in enumerate(deliveries):
            if at in kills:
                server.kill()
                client.close()
                server.start()
                client = server.client()
            request = requests[number]
            if number in seen and torture.asked.sabotage:
                request = again(request)
            seen.add(number)
            send(client, request, number in keyed and not torture.asked.sabotage, number)
            torture.model.acknowledged += 1
        return state_of(client)


def run(torture):
    choice = random.Random(torture.asked.seed)
    for number in range(1, torture.asked.count + 1):
        requests = requests_of(choice)
        folders = [f'{torture.data}.{name}' for name in ('once', 'many')]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
        wanted = once(torture, folders[0], requests)
        found = many_times(torture, folders[1], requests, choice)
        for part, value in wanted.items():
            if found[part] != value:
                torture.tell(f'round {number}: {part} differ: {different(value, found[part])}')


def different(wanted, found):
    for name in sorted(set(wanted) | set(found)):
        if wanted.get(name) != found.get(name):
            return f'{name} is {json.dumps(found.get(name))}, once {json.dumps(wanted.get(name))}'
    return ''
