"""Calls as the documentation of the Segment spec shows them: each is taken or rejected as the spec
says, by rules that are worked out here once more."""
import datetime
import json
import re
import unittest
import urllib.parse

from support import MusterCase, has_shared_data, shared

EVENTS = {'page': 'Page Viewed', 'screen': 'Screen Viewed'}
COLUMNS = ('profile_id', 'type', 'ts', 'event_id')
UTC = datetime.timezone.utc
TIME = re.compile(r'\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?$')


def payloads():
    with open(shared('data', 'payloads', 'segment_spec_payloads.ndjson'), encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def is_id(value):
    return isinstance(value, int) or (isinstance(value, str) and value.strip() != '')


def is_rejected(kind, call):
    """Whether the spec takes a call of this kind."""
    user, anonymous = is_id(call.get('userId')), is_id(call.get('anonymousId'))
    if kind == 'alias':
        who = user and is_id(call.get('previousId'))
    else:
        who = user or anonymous
    what = {'track': 'event', 'group': 'groupId'}.get(kind)
    said = what is None or is_id(call.get(what))
    time = call.get('originalTimestamp') or call.get('timestamp')
    shape = all(isinstance(call.get(name) or {}, dict)
                for name in ('traits', 'properties', 'context'))
    known = kind in ('identify', 'track', 'page', 'screen', 'group', 'alias')
    return not (known and who and said and shape and (not time or TIME.match(time)))


def calls_of(payload):
    if payload['call'] == 'batch':
        return [(call.get('type'), call) for call in payload['payload']['batch']]
    return [(payload['call'], payload['payload'])]


def texts_in(fields, prefix=''):
    """The texts of traits or properties by the names of their fields, where no type is guessed."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from texts_in(value, f'{prefix}{name}.')
        elif isinstance(value, str) and not re.match(r'\d{4}-\d\d', value):
            yield prefix + name, value


class Payloads(MusterCase):
    def test_each_is_taken_or_rejected_as_the_spec_says(self):
        if not has_shared_data():
            return
        taken = rejected = 0
        for number, payload in enumerate(payloads()):
            with self.subTest(payload['from'], number=number):
                # Each on its own: what one calls a text is a number to another.
                server, client = self.started(f'data{number}', ['--memory'])
                calls = calls_of(payload)
                answer = client.post('/v1/' + payload['call'], payload['payload'])
                self.assertEqual((answer.status, answer.json()), (200, {'success': True}))
                told = {row['line']: row['reason']
                        for row in client.get('/v1/rejected').json()['items']}
                right = {line + 1 for line, (kind, call) in enumerate(calls)
                         if is_rejected(kind, call)}
                self.assertEqual(set(told), right, told)
                for line, (kind, call) in enumerate(calls):
                    if line + 1 not in right:
                        sent = call.get('sentAt') or payload['payload'].get('sentAt')
                        self.check_taken(client, kind, dict(call, sentAt=sent))
                rejected += len(right)
                taken += len(calls) - len(right)
                client.close()
                server.kill()
        print(f'{taken} taken, {rejected} rejected', flush=True)
        self.assertGreater(taken, 100)
        self.assertGreater(rejected, 10)

    def check_taken(self, client, kind, call):
        """Somebody is there who did it, when they did it, and who has what it says."""
        after = moment_of(call)
        if kind in ('track', 'page', 'screen') and after <= datetime.timedelta(0):
            name = EVENTS.get(kind) or call['event']
            self.assertEqual(client.count(f'did {json.dumps(name)}'), 1)
        user = call.get('userId')
        if not is_id(user):
            return
        answer = client.get('/v1/profiles/' + urllib.parse.quote(str(user), safe=''))
        self.assertEqual(answer.status, 200, answer.problem())
        profile = answer.json()
        if kind == 'identify':
            for name, text in texts_in(call.get('traits') or {}):
                self.assertEqual(profile['attributes'].get(name), text, name)
        if kind == 'group':
            self.assertEqual(profile['attributes']['account_id'], str(call['groupId']))
        if kind == 'track':
            event = next(e for e in profile['events'] if e['name'] == call['event'])
            for name, text in texts_in(call.get('properties') or {}):
                # The event's own columns keep their names.
                name = 'properties.' + name if name in COLUMNS else name
                self.assertEqual(event['properties'].get(name), text, name)
            off = moment(event['time']) - datetime.datetime.now(UTC) - after
            self.assertLess(abs(off), datetime.timedelta(seconds=30), event['time'])


def moment_of(call):
    """When the call says that it happened, from now on."""
    now = datetime.datetime.now(UTC)
    original = call.get('originalTimestamp') or call.get('timestamp')
    if not original:
        return datetime.timedelta(0)
    sent = call.get('sentAt')
    return moment(original) - (moment(sent) if sent and TIME.match(sent) else now)


def moment(text):
    """Of an RFC 3339 time, to the millisecond."""
    cut = re.sub(r'(\.\d{3})\d+', r'\1', text).replace('Z', '+00:00')
    return datetime.datetime.fromisoformat(cut)


if __name__ == '__main__':
    unittest.main()
