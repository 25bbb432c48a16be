#!/usr/bin/env python3
"""Builds muster, fills it with sample people, asks, exports, and leaves the server running.

    tools/quickstart [--once] [--port N] [--profiles N] [--home DIR]

Everything it makes lies in build/ and .quickstart/; running it again goes on with what is there.
Ends with 0 only if every step worked.
"""
import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import muster_client  # noqa: E402
import receiver  # noqa: E402

ROOT = muster_client.ROOT
# What one clone compiled serves every other, wherever it lies.
os.environ.setdefault('CCACHE_BASEDIR', ROOT)
os.environ.setdefault('CCACHE_NOHASHDIR', '1')
SEED = 42
SAMPLE_DAYS_MAX = 30  # Older sample people have done nothing lately: they are made anew.
SEGMENT = 'loyal-buyers'
WHERE = ('country in ("US", "CA") and any interests in ("outdoor", "cycling") '
         'and sum(total of "Order Completed" in last 365d) >= 100 '
         'and did not "Order Refunded" in last 90d')
HEAD = 5
RUN_SECONDS_MAX = 300


class Failed(Exception):
    """A step did not work; the text says which and why."""


def say(text):
    print(f'\n== {text}', flush=True)


def run(command, what):
    """Runs a command, its output ours."""
    print('$ ' + ' '.join(command).replace(ROOT + '/', ''), flush=True)
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise Failed(f'{what} did not work')


def call(client, method, path, body=None):
    """One request that must work; returns its JSON."""
    answer = client.request(method, path, body)
    if not 200 <= answer.status < 300:
        raise Failed(f'{method} {path}: {answer.status} {answer.problem()}')
    return answer.json() if answer.body.strip() else None


def build():
    say('Building (the first time takes some minutes)')
    run(['cmake', '--preset', 'release', '-Wno-dev', '--log-level=WARNING'], 'configuring')
    run(['cmake', '--build', os.path.join(ROOT, 'build', 'release'), '--target', 'muster'],
        'building')


def make_people(folder, profiles):
    """The folder of this size of sample: its files, and beside them the data of the server."""
    home = os.path.join(folder, str(profiles))
    marker = os.path.join(home, 'made')
    if os.path.exists(marker):
        if time.time() - os.path.getmtime(marker) < SAMPLE_DAYS_MAX * 86400:
            return home
        shutil.rmtree(home)
    say(f'Making {profiles:,} sample people')
    os.makedirs(home, exist_ok=True)
    today = time.strftime('%Y-%m-%dT00:00:00Z', time.gmtime())
    run([muster_client.default_binary(), 'demo', '--out', os.path.join(home, 'sample'),
         '--profiles', str(profiles), '--seed', str(SEED), '--now', today],
        'making sample people')
    with open(marker, 'w', encoding='utf-8') as stream:
        stream.write(today + '\n')
    return home


def load(server, sample):
    say('Loading')
    run([muster_client.default_binary(), 'load', '--server', server.url,
         '--schema', os.path.join(sample, 'schema.json'),
         '--profiles', muster_client.one_file(sample, ['profiles']),
         '--events', muster_client.one_file(sample, ['events']),
         '--entities', 'product=' + muster_client.one_file(sample, ['products'])], 'loading')


def ask(client):
    """Defines the segment; prints its count, the head of its members and one explanation."""
    say(f'Segment {SEGMENT}')
    print(WHERE)
    call(client, 'PUT', f'/v1/segments/{SEGMENT}', {'where': WHERE, 'name': 'Loyal buyers'})
    answer = call(client, 'GET', f'/v1/segments/{SEGMENT}/count')
    print(f'\ncount: {answer["count"]:,} people, in {answer["took_us"] / 1000:.1f} ms')
    if answer['count'] == 0:
        raise Failed('nobody is in the segment')
    page = client.post('/v1/members', {'where': WHERE, 'limit': HEAD})
    members = [line['profile_id'] for line in page.lines() if 'profile_id' in line]
    print(f'the first {len(members)}: ' + ', '.join(members))
    explained = call(client, 'POST', '/v1/explain', {'where': WHERE, 'profile': members[0]})
    print(f'\nwhy {members[0]} is in it:')
    print_node(explained['tree'], 1)


def print_node(node, depth):
    """One node of an explanation, with its newest event."""
    mark = 'yes' if node['holds'] else 'no '
    value = f'   [{node["value"]}]' if node.get('value') else ''
    print(f'{"  " * depth}{mark} {node["text"]}{value}')
    for event in node.get('events', [])[:1]:
        print(f'{"  " * depth}      {json.dumps(event)}')
    for child in node.get('children', []):
        print_node(child, depth + 1)


def export(client):
    """Sends the segment to a receiver on this machine and prints the ledger."""
    say('Exporting to a receiver on this machine')
    secret = 'whsec_' + base64.b64encode(os.urandom(32)).decode()
    target = receiver.Receiver(secret)
    threading.Thread(target=target.serve_forever, daemon=True).start()
    try:
        call(client, 'PUT', '/v1/destinations/local-receiver',
             {'kind': 'webhook', 'url': target.url, 'secret': secret})
        call(client, 'PUT', '/v1/syncs/loyal-buyers-to-receiver',
             {'segment': SEGMENT, 'destination': 'local-receiver', 'mode': 'diff',
              'mapping': {'email': 'email', 'country': 'country'}, 'schedule': 'manual'})
        number = call(client, 'POST', '/v1/syncs/loyal-buyers-to-receiver/run', {})['run']
        wait_for_run(client, number)
        verdicts = {one['verdict'] for one in target.deliveries}
        if verdicts - {'ok'}:
            raise Failed(f'the receiver found signatures that are {", ".join(sorted(verdicts))}')
        print(f'{len(target.deliveries)} batches arrived, every signature valid')
    finally:
        target.shutdown()
        target.server_close()
    ledger = call(client, 'GET', '/v1/syncs/loyal-buyers-to-receiver/ledger')
    print(ledger['line'])
    if not ledger['line'].endswith(': adds up'):
        raise Failed('the ledger does not add up')


def wait_for_run(client, number):
    """Waits until the run is over, with its progress on a terminal."""
    deadline = time.monotonic() + RUN_SECONDS_MAX
    while time.monotonic() < deadline:
        newest = call(client, 'GET', '/v1/syncs/loyal-buyers-to-receiver/runs')['items'][0]
        if newest['run'] == number and newest['state'] == 'finished':
            return
        if newest['run'] == number and newest['state'] in ('failed', 'incomplete', 'blocked'):
            raise Failed(f'the run is {newest["state"]}: {newest.get("last_error")}')
        time.sleep(0.1)
    raise Failed(f'the run is not over after {RUN_SECONDS_MAX} s')


def arguments():
    parser = argparse.ArgumentParser(prog='tools/quickstart', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--once', action='store_true', help='stop the server at the end')
    parser.add_argument('--port', type=int, default=8080, help='of the server (default 8080)')
    parser.add_argument('--profiles', type=int, default=100_000,
                        help='sample people (default 100,000)')
    parser.add_argument('--home', default=os.path.join(ROOT, '.quickstart'), metavar='DIR',
                        help='where its files lie (default .quickstart)')
    return parser.parse_args()


def main():
    asked = arguments()
    server = None
    keep = False
    try:
        build()
        home = make_people(asked.home, asked.profiles)
        say('Starting the server')
        data = os.path.join(home, 'data')
        os.makedirs(data, exist_ok=True)
        server = muster_client.Server(data, listen=f'127.0.0.1:{asked.port}',
                                      options=['--allow-destination', '127.0.0.1/32'],
                                      outlives_us=True)
        server.start()
        print(f'{server.url}, its output in {os.path.relpath(server.log_path, ROOT)}')
        load(server, os.path.join(home, 'sample'))
        client = server.client()
        ask(client)
        export(client)
        client.close()
        keep = not asked.once
    except (Failed, muster_client.ServerFailed, OSError, ValueError, KeyError) as error:
        print(f'\nquickstart: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if server and not keep:
            server.stop()
    if keep:
        say(f'The server runs at {server.url} (console: {server.url}/)')
        print(f'Stop it with: kill {server.process.pid}')
    else:
        say('Done; the server is stopped')
    return 0


if __name__ == '__main__':
    sys.exit(main())
