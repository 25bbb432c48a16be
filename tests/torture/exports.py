"""Exports under the same faults: the destination ends with exactly the people who are there.

A sync sends everybody to a receiver of this process. Runs are asked for while the load goes on and
servers die in the middle of them; after each fault one more run must bring the receiver to what the
server says, whatever was sent before, sent twice, or cut off.
"""
import contextlib
import json
import threading
import time

import muster_client
import receiver
import workload

SECRET = 'whsec_dG9ydHVyZS10ZXN0LXNlY3JldC0wMDAwMDAwMDAwMDA='
ASK_SECONDS = 0.1
RUN_SECONDS_MAX = 30
ENDED = ('finished', 'incomplete', 'failed')
PATH = '/v1/syncs/everybody'


class Exports:
    """The receiver, and what it was sent over all rounds."""

    def __init__(self):
        self.receiver = receiver.Receiver(SECRET)
        threading.Thread(target=self.receiver.serve_forever, daemon=True).start()
        self.url = f'http://127.0.0.1:{self.receiver.server_address[1]}/people'
        self.runs = 0

    @staticmethod
    def options():
        return ['--allow-destination', '127.0.0.1/32']

    def close(self):
        self.receiver.shutdown()
        self.receiver.server_close()

    def define(self, client):
        """Destination, segment and sync; once they are there nothing changes. Returns whether."""
        documents = {
            '/v1/destinations/people': {
                'kind': 'webhook', 'url': self.url, 'secret': SECRET, 'batch_size': 20,
                'retry_schedule_ms': [0, 20, 50, 100], 'max_attempts': 50},
            '/v1/segments/everybody': {'where': 'everyone'},
            PATH: {'segment': 'everybody', 'destination': 'people', 'mode': 'diff',
                   'schedule': 'manual'}}
        for path, document in documents.items():
            if client.get(path).status == 200:
                continue
            if client.put(path, document).status not in (200, 201):
                return False
        return True

    @contextlib.contextmanager
    def under_way(self, url):
        """Runs, one after the other, until the end of the `with` or of the server."""
        ending = threading.Event()
        asking = threading.Thread(target=self._keep_asking, args=(url, ending))
        asking.start()
        try:
            yield
        finally:
            ending.set()
            asking.join()

    def _keep_asking(self, url, ending):
        client = muster_client.Client(url)
        try:
            while not self.define(client) and not ending.wait(ASK_SECONDS):
                pass
            while not ending.wait(ASK_SECONDS):
                self.runs += client.post(f'{PATH}/run', {}).status in (200, 201, 202)
        except workload.GONE:
            pass
        client.close()

    def people(self):
        """Whom the receiver has, by what arrived: each message counts once."""
        people, seen = set(), set()
        for delivery in list(self.receiver.deliveries):
            if delivery['verdict'] != 'ok' or delivery['id'] in seen:
                continue
            seen.add(delivery['id'])
            body = json.loads(delivery['body'])
            ids = {member['id'] for member in body['members']}
            people = people - ids if body['operation'] == 'remove' else people | ids
        return people

    def problems_of(self, url):
        """Sentences about whom the receiver has too few or too many of, after one more run."""
        client = muster_client.Client(url)
        try:
            if not self.define(client):
                return ['the sync could not be defined']
            asked = self.ask(client)
            if asked.status not in (200, 201, 202):
                return [f'a run was refused with {asked.status}: {asked.problem()}']
            run = self.wait_for(client, asked.json()['run'])
            if run is None or run['state'] != 'finished' or not run['counts']['adds_up']:
                return [f'the run does not end well: {run}']
            wanted = {row['profile_id'] for row in client.post(
                '/v1/members', {'where': 'everyone'}).lines()}
        finally:
            client.close()
        found = self.people()
        if found == wanted:
            return []
        return [f'the receiver has {len(found)} people, and there are {len(wanted)}: '
                f'{sorted(found ^ wanted)[:5]}']

    @staticmethod
    def ask(client):
        """Asks for a run, once the one that was under way when the server died has ended."""
        deadline = time.monotonic() + RUN_SECONDS_MAX
        while True:
            asked = client.post(f'{PATH}/run', {})
            if asked.status != 409 or time.monotonic() > deadline:
                return asked
            time.sleep(0.02)

    @staticmethod
    def wait_for(client, number):
        deadline = time.monotonic() + RUN_SECONDS_MAX
        newest = None
        while time.monotonic() < deadline:
            items = client.get(f'{PATH}/runs').json()['items']
            newest = next((item for item in items if item['run'] == number), None)
            if newest and newest['state'] in ENDED:
                return newest
            time.sleep(0.02)
        return newest
