"""Deliveries verified by the npm packages standardwebhooks and svix, also as a secret changes."""
import json
import subprocess
import threading
import time

import muster_client

SECRETS = ['whsec_dG9ydHVyZS10ZXN0LXNlY3JldC0wMDAwMDAwMDAwMDA=',
           'whsec_dG9ydHVyZS10ZXN0LXNlY3JldC0xMTExMTExMTExMTE=']
PACKAGES = ('standardwebhooks', 'svix')
PEOPLE = 50
RUN_SECONDS_MAX = 30
# The settings of each phase, and which of the two secrets a receiver has to accept.
PHASES = (({'secret': SECRETS[0]}, [True, False]),
          ({'secret': SECRETS[0], 'secret_next': SECRETS[1]}, [True, True]),
          ({'secret': SECRETS[1]}, [False, True]))


class Verifier:
    """webhooks.js as a process, and what it said."""

    def __init__(self, folder):
        self.process = subprocess.Popen(['node', 'webhooks.js', *SECRETS], cwd=folder, text=True,
                                        stdout=subprocess.PIPE)
        self.port = json.loads(self.process.stdout.readline())['port']
        self.verdicts = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.verdicts.append(json.loads(line))

    def close(self):
        self.process.terminate()
        self.process.wait(10)


def expect(answer):
    if answer.status not in (200, 201, 202):
        raise muster_client.ServerFailed(f'{answer.status} {answer.problem()}')
    return answer


def send_everybody(client, number, settings, url):
    """A run of a sync of its own, to its end."""
    expect(client.put('/v1/destinations/hook', {'kind': 'webhook', 'url': url, 'batch_size': 5,
                                                'concurrency': 4, **settings}))
    sync = f'/v1/syncs/s{number}'
    expect(client.put(sync, {'segment': 'all', 'destination': 'hook', 'mapping': {'name': 'name'}}))
    expect(client.post(f'{sync}/run', {}))
    deadline = time.monotonic() + RUN_SECONDS_MAX
    while client.get(f'{sync}/runs').json()['items'][0]['state'] != 'finished':
        if time.monotonic() > deadline:
            raise muster_client.ServerFailed('the run does not end')
        time.sleep(0.02)


def problems(binary, data, folder):
    """Sentences about deliveries that a package does not accept, or should not; and how many."""
    verifier = Verifier(folder)
    wrong = []
    try:
        with muster_client.Server(data, binary,
                                  options=['--allow-destination', '127.0.0.1/32']) as server:
            client = server.client()
            expect(client.put('/v1/schema', {'profiles': {'id': 'profile_id'}}))
            rows = ''.join(json.dumps({'profile_id': f'p{n}', 'name': f'Zoë {n} ✓'}) + '\n'
                           for n in range(PEOPLE))
            expect(client.post('/v1/profiles', rows, {'Content-Type': 'application/x-ndjson'}))
            expect(client.put('/v1/segments/all', {'where': 'everyone', 'name': 'All'}))
            url = f'http://127.0.0.1:{verifier.port}/in'
            for number, (settings, wanted) in enumerate(PHASES):
                before = len(verifier.verdicts)
                send_everybody(client, number, settings, url)
                got = verifier.verdicts[before:]
                if len(got) != PEOPLE // 5:
                    wrong.append(f'phase {number}: {len(got)} deliveries')
                for one in got:
                    for name in PACKAGES:
                        if one[name] != wanted or one[f'{name} changed']:
                            wrong.append(f'phase {number}: {name} says {one}')
    finally:
        verifier.close()
    return wrong, len(verifier.verdicts)
